# SPDX-License-Identifier: Apache-2.0
"""Machine types, by what they offer for hot-plug.

Source: libvirt ``src/qemu/qemu_domain.c``, ``qemuDomainMachineIsQ35`` and its siblings.
"""

from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from sidecar.model.ports import MachineFamily


class Chipset(StrEnum):
    """Boards whose integrated devices sit at addresses of their own."""

    Q35 = "q35"
    I440FX = "i440fx"
    VIRT = "virt"
    PSERIES = "pseries"
    OTHER = "other"


_MAX_NAME = 80
"""Characters that errors quote; no machine has a longer name."""
_PREFIXES = {
    "x86": (
        ("pc-q35-", Chipset.Q35),
        ("pc-i440", Chipset.I440FX),
        ("pc-0.", Chipset.I440FX),
        ("pc-1.", Chipset.I440FX),
        ("rhel", Chipset.I440FX),
    ),
    "arm": (("virt-", Chipset.VIRT),),
    "riscv": (("virt-", Chipset.VIRT),),
    "ppc": (("pseries-", Chipset.PSERIES),),
}
_EXACT = {
    "x86": {"q35": Chipset.Q35, "pc-q35": Chipset.Q35, "pc": Chipset.I440FX},
    "arm": {"virt": Chipset.VIRT},
    "riscv": {"virt": Chipset.VIRT},
    "ppc": {"pseries": Chipset.PSERIES},
}
_DEFAULT = {"x86": "pc", "arm": "virt", "riscv": "virt", "ppc": "pseries"}
_ARCHITECTURES = {
    "x86_64": "x86",
    "i686": "x86",
    "aarch64": "arm",
    "riscv64": "riscv",
    "ppc64": "ppc",
    "ppc64le": "ppc",
    "s390x": "s390",
}
_FAMILIES = {
    Chipset.Q35: MachineFamily.PCIE,
    Chipset.VIRT: MachineFamily.PCIE,
    Chipset.I440FX: MachineFamily.PCI,
    Chipset.PSERIES: MachineFamily.PCI,
    Chipset.OTHER: MachineFamily.NONE,
}


@dataclass(frozen=True, slots=True)
class Machine:
    """``<os><type arch= machine=>``, and what follows from it.

    ``plugs``: devices can be plugged while it runs. i440FX does so by ACPI alone (QEMU: ``Bus
    'pci.0' does not support hotplugging``); root ports do it natively, pSeries by RTAS.
    """

    arch: str
    name: str
    chipset: Chipset
    family: MachineFamily
    plugs: bool = True


def read_machine(domain: etree._Element) -> Machine:
    """Tell the machine of ``domain``; a missing ``arch`` is taken for x86_64.

    KubeVirt always writes both attributes; libvirt fills them in from the host.
    """
    node = domain.find("os/type")
    arch = ((node.get("arch") if node is not None else None) or "x86_64")[:_MAX_NAME]
    kind = _ARCHITECTURES.get(arch, "")
    given = node.get("machine") if node is not None else None
    name = (given or _DEFAULT.get(kind, ""))[:_MAX_NAME]
    if kind == "s390":
        return Machine(arch, name, Chipset.OTHER, MachineFamily.CCW)
    chipset = _EXACT.get(kind, {}).get(name)
    if chipset is None:
        prefixes = _PREFIXES.get(kind, ())
        chipset = next((c for prefix, c in prefixes if name.startswith(prefix)), Chipset.OTHER)
    plugs = chipset is not Chipset.I440FX or domain.find("features/acpi") is not None
    return Machine(arch, name, chipset, _FAMILIES[chipset], plugs)
