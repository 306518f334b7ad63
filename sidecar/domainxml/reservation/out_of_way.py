# SPDX-License-Identifier: Apache-2.0
"""Our controllers beside PCI devices of ``<qemu:commandline>``.

libvirt gives their slots to whatever it places next, since it knows nothing of them: a device
with an address then stops the domain from starting, one without gets another address. On bus 0
of a PCIe machine our root ports therefore take slots from the end, so that every slot in front
of them is used as without us.
"""

from sidecar.domainxml.address import write_place
from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.layout import Layout, is_port, pluggable, pluggable_bus
from sidecar.domainxml.reservation.commandline import CommandLine, CommandLineDevice
from sidecar.domainxml.reservation.placeholders import is_placeholder
from sidecar.errors import CapacityError, RequestError

_WHERE = "domain XML, <qemu:commandline>"
_FUNCTIONS = connect.LAST_FUNCTION + 1


def check_command_line(line: CommandLine, layout: Layout, wanted: int) -> None:
    """Refuse what a reservation cannot be kept beside.

    Args:
        line: what QEMU's command line adds.
        layout: of the domain as libvirt knows it.
        wanted: devices that are to find a place, ours and those to be plugged.

    Raises:
        RequestError: nobody can tell where the devices sit, or libvirt would plug into the
            place of one.
    """
    if not wanted:
        return
    if line.unknown:
        raise RequestError(
            "the PCI devices of QEMU's command line cannot be told",
            where=_WHERE,
            found=", ".join(line.unknown),
            expected="-device, with its address",
            todo="Ports beside them could take their slots.",
        )
    for device in line.devices:
        if _in_the_way(device, layout, wanted):
            raise RequestError(
                "libvirt would plug new devices where a device of QEMU's command line sits",
                where=_WHERE,
                found=str(device),
                expected="a device of libvirt's own, or an address where libvirt plugs nothing",
                todo="libvirt does not know that the place is taken, and chooses it before others.",
            )


def _in_the_way(device: CommandLineDevice, layout: Layout, wanted: int) -> bool:
    buses = layout.buses.buses
    if device.bus >= len(buses):
        # Nobody sits there as long as libvirt knows: it is one of the ports to come.
        return True
    bus = buses[device.bus]
    if is_port(bus):
        return pluggable(bus) or (pluggable_bus(bus) and _only_placeholders(layout, device.bus))
    if layout.inventory.express or not pluggable_bus(bus):
        return False
    if device.place is None:
        return True
    # libvirt fills the slots in order of bus and slot.
    before = sum(one.free_slots() for one in buses[: device.bus] if pluggable_bus(one))
    slots = range(bus.spec.first_slot, device.place.slot)
    before += sum(not bus.taken.get(slot) for slot in slots)
    return not bus.taken.get(device.place.slot) and before < wanted


def _only_placeholders(layout: Layout, bus: int) -> bool:
    """Whether a port will be empty once KubeVirt takes its placeholders away."""
    owners = [owner for owner, place in layout.places.items() if place.bus == bus]
    return all(owner.element is not None and is_placeholder(owner.element) for owner in owners)


def slots_at_the_end(layout: Layout, line: CommandLine) -> list[int]:
    """List the slots of bus 0 that nobody takes, now or later, from the last one down."""
    bus = layout.buses.buses[0]
    free = [
        slot
        for slot in range(bus.spec.first_slot, bus.spec.last_slot + 1)
        if not bus.taken.get(slot)
    ]
    given = {device.place.slot for device in line.on_root if device.place is not None}
    free = [slot for slot in free if slot not in given]
    # QEMU puts a device without an address into the first slot that is empty.
    unplaced = sum(device.place is None for device in line.on_root)
    return free[unplaced:][::-1]


def place_at_the_end(controllers: list[PciController], slots: list[int]) -> None:
    """Give root ports explicit addresses on bus 0.

    Args:
        controllers: ours, with their elements.
        slots: those to take, in this order, eight ports to a slot.

    Raises:
        CapacityError: there are too few.
    """
    if len(controllers) > len(slots) * _FUNCTIONS:
        raise CapacityError(
            "bus 0 has no room for the root ports beside QEMU's command line",
            where=_WHERE,
            found=f"{len(slots)} free slots for {len(controllers)} root ports",
            todo="Ask for fewer ports.",
        )
    for number, controller in enumerate(controllers):
        slot, function = divmod(number, _FUNCTIONS)
        controller.place = Place(0, slots[slot], function)
        if controller.element is not None:
            write_place(controller.element, controller.place)


def notes_on(line: CommandLine, *, grew: bool) -> tuple[str, ...]:
    """Say what a reader of the log should know of the command line."""
    notes = []
    if grew and line.on_root:
        devices = ", ".join(str(device) for device in line.on_root)
        notes.append(
            f"qemu:commandline adds PCI devices that libvirt does not know of ({devices}): "
            "the root ports go to the end of bus 0, out of their way"
        )
    if line.machine:
        notes.append(
            f"qemu:commandline overrides the machine type ({line.machine[:80]}): the ports are "
            "those of the type in <os>"
        )
    return tuple(notes)
