# SPDX-License-Identifier: Apache-2.0
"""Strategies for domain XML: all that decides about PCI addresses, in odd mixtures."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.property.addressed import made_up
from tests.property.controllers import express_controllers

_NICS = (
    *["virtio-non-transitional"] * 4,
    "virtio",
    "virtio-transitional",
    "e1000e",
    "e1000",
    "rtl8139",
    "vmxnet3",
    None,
)
_VIDEOS = (
    *((model,) for model in ("vga", "cirrus", "bochs", "virtio", "none", "ramfb")),
    (),
    ("virtio", "virtio"),
    ("vga", "virtio", "virtio"),
)
_ARCHITECTURES = {"virt": "aarch64", "pseries": "ppc64"}
_VIRTIO = (None, "virtio", "virtio-non-transitional", "virtio-transitional")


@dataclass
class DomainDraft:
    """A domain under construction; ``xml()`` writes it.

    Elements hold ``{address}`` where an ``<address>`` may go.
    """

    machine: str = "q35"
    arch: str = "x86_64"
    controllers: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)

    def xml(self) -> str:
        """Write the domain, its devices without addresses of their own."""
        body = "\n".join(f"    {e.format(address='')}" for e in (*self.controllers, *self.devices))
        return (
            "<domain type='qemu'>\n  <name>draft</name>\n  <memory unit='MiB'>64</memory>\n"
            "  <memoryBacking><access mode='shared'/></memoryBacking>\n  <vcpu>1</vcpu>\n"
            f"  <os><type arch='{self.arch}' machine='{self.machine}'>hvm</type></os>\n"
            f"  {'<features><acpi/></features>' if self.arch == 'x86_64' else ''}\n"
            f"  <devices>\n{body}\n  </devices>\n</domain>\n"
        )


def nic(number: int, model: str | None) -> str:
    """An ethernet NIC with a user alias."""
    model_xml = f"<model type='{model}'/>" if model else ""
    return (
        f"<interface type='ethernet'><mac address='52:54:00:00:01:{number:02x}'/>{model_xml}"
        f"<alias name='ua-net{number}'/>{{address}}</interface>"
    )


def disk(number: int, model: str | None, bus: str = "virtio") -> str:
    """A disk whose file need not exist until the domain starts."""
    prefix = {"virtio": "vd", "scsi": "sd", "sata": "sd"}[bus]
    attribute = f" model='{model}'" if model and bus == "virtio" else ""
    letter = "abcdefghijklmnopqrstuvwxyz"[number]
    return (
        f"<disk type='file' device='disk'{attribute}><source file='/nonexistent/{number}.img'/>"
        f"<target dev='{prefix}{letter}' bus='{bus}'/>"
        + ("{address}" if bus == "virtio" else "")
        + "</disk>"
    )


def hostdev(number: int) -> str:
    """A plain hostdev of a VF that no test host has."""
    return (
        "<hostdev mode='subsystem' type='pci' managed='no'><source>"
        f"<address domain='0x0000' bus='0xf3' slot='0x{number // 8 + 2:02x}' "
        f"function='0x{number % 8:x}'/></source>"
        f"<alias name='ua-sriov-vf{number}'/>{{address}}</hostdev>"
    )


def hostdev_interface(number: int) -> str:
    """An interface that is a VF."""
    return (
        f"<interface type='hostdev'><mac address='52:54:00:00:02:{number:02x}'/><source>"
        f"<address type='pci' domain='0x0000' bus='0xf4' slot='0x{number // 8 + 2:02x}' "
        f"function='0x{number % 8:x}'/></source>{{address}}</interface>"
    )


@st.composite
def singles(draw: st.DrawFn, machine: str) -> list[str]:
    """Devices of which a domain has few: balloon, rng, watchdog, input and so on."""
    found: list[str] = []
    balloon = draw(st.sampled_from((None, "none", "virtio", *_VIRTIO[2:])))
    if balloon:
        found.append(f"<memballoon model='{balloon}'>{{address}}</memballoon>")
    for number in range(draw(st.integers(0, 2))):
        model = draw(st.sampled_from(_VIRTIO[1:]))
        found.append(
            f"<rng model='{model}'><backend model='random'>/dev/urandom</backend>"
            f"<alias name='ua-rng{number}'/>{{address}}</rng>"
        )
    sometimes = [
        "<input type='tablet' bus='virtio'>{address}</input>",
        "<vsock model='virtio'><cid auto='yes'/>{address}</vsock>",
    ]
    if machine == "q35":
        sometimes.append("<iommu model='virtio'>{address}</iommu>")
    if machine != "virt":
        sometimes.append("<watchdog model='i6300esb' action='reset'>{address}</watchdog>")
    found += [one for one in sometimes if draw(st.integers(0, 4)) == 0]
    if draw(st.integers(0, 4)) == 0:
        model = draw(st.sampled_from(_VIRTIO))
        attribute = f" model='{model}'" if model else ""
        found.append(
            f"<filesystem type='mount'{attribute}><source dir='/tmp'/><target dir='share'/>"
            "{address}</filesystem>"
        )
    return found


@st.composite
def pictures_and_sounds(draw: st.DrawFn) -> list[str]:
    """Graphics, video and sound of an x86 machine."""
    found = [f"<video><model type='{model}'/></video>" for model in draw(st.sampled_from(_VIDEOS))]
    if draw(st.booleans()):
        found.append("<graphics type='vnc' port='-1'/>")
    if draw(st.booleans()):
        sound = draw(st.sampled_from(("ich9", "ich6", "ac97", "es1370")))
        found.append(f"<sound model='{sound}'>{{address}}</sound>")
    return found


@st.composite
def other_controllers(draw: st.DrawFn, machine: str) -> list[str]:
    """USB, SCSI, virtio-serial and SATA controllers."""
    found = []
    usb = draw(st.sampled_from((None, "none", "none", "qemu-xhci", "nec-xhci", "ich9")))
    if machine not in {"q35", "pc"} and usb in {"ich9", "none"}:
        usb = None
    if usb == "ich9":
        found += [
            f"<controller type='usb' index='0' model='ich9-{part}'>{master}</controller>"
            for part, master in (
                ("ehci1", ""),
                ("uhci1", "<master startport='0'/>"),
                ("uhci2", "<master startport='2'/>"),
                ("uhci3", "<master startport='4'/>"),
            )
        ]
    elif usb:
        found.append(f"<controller type='usb' index='0' model='{usb}'>{{address}}</controller>")
    scsi_models = ("virtio-scsi", "virtio-non-transitional", "virtio-transitional")
    for index in range(draw(st.integers(0, 2))):
        model = draw(st.sampled_from(scsi_models))
        found.append(
            f"<controller type='scsi' index='{index}' model='{model}'>{{address}}</controller>"
        )
    if draw(st.booleans()):
        model = draw(st.sampled_from(_VIRTIO[2:]))
        found.append(
            f"<controller type='virtio-serial' index='0' model='{model}'>{{address}}</controller>"
        )
    return found


@st.composite
def devices(draw: st.DrawFn, machine: str, most: int = 20, *, implied: bool = True) -> list[str]:
    """A shuffled list of devices without addresses."""
    found = [nic(n, draw(st.sampled_from(_NICS))) for n in range(draw(st.integers(0, most // 2)))]
    found += [disk(n, draw(st.sampled_from(_VIRTIO))) for n in range(draw(st.integers(0, 6)))]
    if implied and draw(st.booleans()):
        found.append(disk(draw(st.sampled_from((0, 1, 7, 16))), None, "scsi"))
    found += [hostdev(n) for n in range(draw(st.integers(0, 3)))]
    found += [hostdev_interface(n) for n in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        found.append(
            "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
        )
    found += draw(singles(machine))
    if machine in {"q35", "pc"}:
        found += draw(pictures_and_sounds())
    found += draw(other_controllers(machine))
    return list(draw(st.permutations(found))) if draw(st.booleans()) else found


@st.composite
def domains(
    draw: st.DrawFn,
    machines: tuple[str, ...] = ("q35", "q35", "q35", "pc"),
    *,
    plain: bool = False,
) -> str:
    """A whole domain that libvirt is likely to define.

    ``plain``: every controller is written out; libvirt 9.0 orders the others differently.
    """
    machine = draw(st.sampled_from(machines))
    draft = DomainDraft(machine, _ARCHITECTURES.get(machine, "x86_64"))
    if machine in {"q35", "virt"}:
        draft.controllers = draw(express_controllers(holes=not plain))
    draft.devices = draw(devices(machine, implied=not plain))
    if not plain and draw(st.integers(0, 2)) == 0:
        draft.devices += draw(made_up(machine))
    return draft.xml()
