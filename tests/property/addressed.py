# SPDX-License-Identifier: Apache-2.0
"""Strategies for devices whose address, model or controller libvirt has to make up.

Each kind was once laid out otherwise than libvirt does it.
"""

from hypothesis import strategies as st

_CHIPSET = {
    "q35": ((0x1F, 0), (0x1F, 2), (0x1F, 3), (0x1F, 1), (1, 0), (2, 0)),
    "pc": ((1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0)),
}
_SOURCE = "<source protocol='vhost' wwpn='naa.5123456789abcde{0:x}'/>"


def address(bus: int, slot: int, function: int = 0) -> str:
    return (
        f"<address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' "
        f"function='0x{function:x}'/>"
    )


@st.composite
def without_model(draw: st.DrawFn, number: int) -> str:
    """An interface whose default model depends on its type."""
    kind = draw(
        st.sampled_from(
            (
                "type='vdpa'><source dev='/dev/vhost-vdpa-0'/>",
                "type='vhostuser'><source type='unix' path='/run/vhost' mode='client'/>",
                "type='vhostuser'><backend type='passt'/>",
            )
        )
    )
    return f"<interface {kind}<mac address='52:54:00:00:03:{number:02x}'/></interface>"


@st.composite
def scsi_hostdevs(draw: st.DrawFn) -> list[str]:
    """SCSI hostdevs, some with a place on a controller that the domain may not define."""
    found = []
    for number in range(draw(st.sampled_from((0, 0, 1, 2, 8)))):
        drive = draw(st.sampled_from(("", "", "", f"<address type='drive' unit='{number}'/>")))
        if draw(st.integers(0, 9)) == 0:
            drive = f"<address type='drive' controller='2' unit='{number}'/>"
        found.append(
            "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>"
            f"<address bus='0' target='1' unit='{number}'/></source>{drive}</hostdev>"
        )
    if draw(st.integers(0, 4)) == 0:
        model = draw(st.sampled_from(("", " model='virtio-transitional'")))
        place = draw(st.sampled_from(("", "", address(2, 0), address(2, 6))))
        found.append(
            f"<hostdev mode='subsystem' type='scsi_host'{model}>{_SOURCE.format(0)}{place}"
            "</hostdev>"
        )
    return found


@st.composite
def serial_channels(draw: st.DrawFn) -> list[str]:
    """Channels and consoles, some on a virtio-serial controller that they name."""
    found = []
    for number in range(draw(st.sampled_from((0, 1, 2, 3, 31, 33)))):
        controller = draw(st.sampled_from((None, None, None, 1, 2, 5)))
        place = (
            ""
            if controller is None
            else f"<address type='virtio-serial' controller='{controller}' port='{number + 1}'/>"
        )
        found.append(
            "<channel type='pty'><target type='virtio' "
            f"name='org.example.{number}'/>{place}</channel>"
        )
        if controller is not None and number > 20:
            found.pop()
    return found


@st.composite
def pinned(draw: st.DrawFn, machine: str) -> list[str]:
    """NICs at addresses of their own: buses still to be made, slots of the board."""
    found = []
    for number in range(draw(st.integers(0, 2))):
        model = draw(st.sampled_from(("virtio", "rtl8139", "e1000e", "virtio-transitional")))
        bus = draw(st.sampled_from((1, 1, 1, 2, 3, 7)))
        slot = draw(st.sampled_from((0, 0, 1, 6)))
        found.append(_pinned(number, model, address(bus, slot)))
    if machine in _CHIPSET and draw(st.integers(0, 5)) == 0:
        slot, function = draw(st.sampled_from(_CHIPSET[machine]))
        found.append(_pinned(9, "virtio", address(0, slot, function)))
    return found


def _pinned(number: int, model: str, place: str) -> str:
    return (
        f"<interface type='ethernet'><mac address='52:54:00:00:04:{number:02x}'/>"
        f"<model type='{model}'/><alias name='ua-pinned{number}'/>{place}</interface>"
    )


@st.composite
def unindexed(draw: st.DrawFn, machine: str) -> list[str]:
    """Controllers that leave their index to libvirt."""
    models = ["usb' model='nec-xhci", "usb' model='ich9-ehci1", "scsi' model='virtio-scsi"]
    if machine == "q35":
        models += ["sata", "usb' model='ich9-uhci1"]
    chosen = draw(st.lists(st.sampled_from(models), max_size=3))
    return [f"<controller type='{model}'/>" for model in chosen]


@st.composite
def made_up(draw: st.DrawFn, machine: str) -> list[str]:
    """A mixture of all kinds here."""
    found = draw(st.lists(st.integers(0, 9).flatmap(without_model), max_size=2))
    for kind in (scsi_hostdevs(), serial_channels(), pinned(machine), unindexed(machine)):
        if draw(st.booleans()):
            found += draw(kind)
    if machine == "virt":
        found += draw(st.sampled_from(([], ["<panic model='pvpanic'/>"], ["<panic/>"])))
        if draw(st.integers(0, 5)) == 0:
            found.append(
                "<rng model='virtio'><backend model='random'>/dev/urandom</backend>"
                "<address type='virtio-mmio'/></rng>"
            )
    return found
