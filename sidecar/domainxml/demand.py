# SPDX-License-Identifier: Apache-2.0
"""What must be free when the domain boots, so that KubeVirt can plug what the VM asks for.

KubeVirt plugs NICs and disks as its converter writes them (``hotplugVirtioInterface`` in
``pkg/virt-launcher/virtwrap/network``, ``syncDisks`` in ``manager.go``): of the VM's virtio
model, and with the addresses that ``placePCIDevicesOnRootComplex`` gives. Host devices are
plugged without an address, and are no virtio devices.
"""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.addressing.buses import Bus
from sidecar.domainxml.addressing.layout import Layout, count_slots, is_port, pluggable_bus
from sidecar.domainxml.addressing.machine import Machine
from sidecar.domainxml.document import alias_of, devices_named
from sidecar.errors import RequestError
from sidecar.model import alias
from sidecar.model.ports import MachineFamily
from sidecar.model.request import DeviceTotal, Request

_ROOT_COMPLEX = "annotation kubevirt.io/placePCIDevicesOnRootComplex"


@dataclass(frozen=True, slots=True)
class Demand:
    """Ports of the machine's own kind, and conventional slots beside them.

    Args:
        ports: root ports, or slots where the machine has no others.
        slots: slots behind a pcie-to-pci-bridge.
    """

    ports: int
    slots: int = 0


def read_demand(domain: etree._Element, machine: Machine, request: Request) -> Demand:
    """Tell what must be free.

    Args:
        domain: of this call.
        machine: of the domain.
        request: what the VMI asks.

    Raises:
        RequestError: nothing that is free would be of use.
    """
    nics = _missing(domain, request.interfaces, "interface", "hostdev")
    disks = _missing(domain, request.disks, "disk")
    others = 0 if request.host_devices is None else request.host_devices.missing
    if not nics + disks + others:
        return Demand(0)
    if not machine.plugs:
        raise _cannot_plug(request, (nics, disks, others), machine)
    if request.root_complex:
        _check_root_complex(request, nics, disks)
    # A binding plugin's hook may add its NIC after us, on the first port that is free.
    bound = len(request.bound) - _count_present(domain, request.bound, "interface", "hostdev")
    nics = max(nics, bound)
    if request.transitional and machine.family is MachineFamily.PCIE:
        return Demand(others, nics + disks)
    return Demand(nics + disks + others)


def check_slots(layout: Layout, placeholders: list[etree._Element], demand: Demand) -> None:
    """Refuse what virtio-transitional devices find no room for.

    They go behind a pcie-to-pci-bridge, never on a root port.

    Args:
        layout: of the domain.
        placeholders: KubeVirt's, which go before the boot.
        demand: what must be free.

    Raises:
        RequestError: too few slots are free.
    """
    if not demand.slots:
        return
    free = count_slots(layout) + count_held(layout, placeholders, ports=False)
    if free >= demand.slots:
        return
    raise RequestError(
        "the NICs and disks to come find no room behind the pcie-to-pci-bridge",
        where="VMI, at $.spec.domain.devices.useVirtioTransitional",
        found=f"{free} free slots",
        expected=f"at least {demand.slots}",
        todo="KubeVirt plugs them as virtio-transitional, which no root port takes. Ask for "
        "less, or leave useVirtioTransitional out.",
    )


def count_held(layout: Layout, devices: list[etree._Element], *, ports: bool) -> int:
    """Count the devices that hold a place which could be plugged if it were free.

    Args:
        layout: of the domain.
        devices: those to look at.
        ports: count those on PCIe ports; else those in conventional slots.
    """

    def wanted(bus: Bus) -> bool:
        return pluggable_bus(bus) and is_port(bus) is ports

    buses = {index for index, bus in enumerate(layout.buses.buses) if wanted(bus)}
    return sum(o.element in devices and p.bus in buses for o, p in layout.places.items())


def _missing(domain: etree._Element, total: DeviceTotal | None, *tags: str) -> int:
    if total is None:
        return 0
    return total.missing_beside(_count_present(domain, total.uncertain, *tags))


def _count_present(domain: etree._Element, names: frozenset[str], *tags: str) -> int:
    """Count the devices of these names that the domain has, by KubeVirt's aliases."""
    if not names:
        return 0
    kinds = (alias.of_network, alias.of_sriov_network)
    aliases = {alias_of_name(name): name for name in names for alias_of_name in kinds}
    found = (aliases.get(alias_of(element)) for element in devices_named(domain, *tags))
    return len(set(found) - {None})


def _check_root_complex(request: Request, nics: int, disks: int) -> None:
    for total, missing, kind in (
        (request.interfaces, nics, "interfaces"),
        (request.disks, disks, "disks"),
    ):
        if total is not None and missing:
            raise RequestError(
                f"KubeVirt cannot plug {kind} into this VM, whatever ports it has",
                where=total.where,
                found=f'{total.total}, and {_ROOT_COMPLEX} "true"',
                expected=f"at most {total.total - missing}, which the VM defines",
                todo="With that annotation KubeVirt gives what it plugs an address on bus 0, where "
                "another device sits. Remove one of the two annotations.",
            )


def _cannot_plug(request: Request, missing: tuple[int, int, int], machine: Machine) -> RequestError:
    totals = (request.interfaces, request.disks, request.host_devices)
    where, what = next(
        (total.where, total.total)
        for total, ports in zip(totals, missing, strict=True)
        if total is not None and ports
    )
    return RequestError(
        f"nothing can be plugged into machine {machine.name} without ACPI",
        where=where,
        found=f"{what}, and a domain without <features><acpi/>",
        expected="ACPI, or as many as the VM defines",
        todo="Do not disable spec.domain.features.acpi, or use machine type q35.",
    )
