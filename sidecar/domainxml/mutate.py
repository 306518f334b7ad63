# SPDX-License-Identifier: Apache-2.0
"""The engine: a domain and a request in, a domain out.

Idempotent: ``mutate(mutate(x)) == mutate(x)``. The state of the domain decides what a call
does, never a count of calls: nothing is placed yet, KubeVirt's placeholders are there, or
libvirt has placed the devices.
"""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import Layout
from sidecar.domainxml.addressing.machine import Machine
from sidecar.domainxml.demand import Demand, check_slots, count_held, read_demand
from sidecar.domainxml.document import alias_of, format_domain, parse_domain
from sidecar.domainxml.eviction import check_eviction
from sidecar.domainxml.kubevirt.ports import count_extra_ports
from sidecar.domainxml.later_hooks import check_later_hooks
from sidecar.domainxml.modes import set_missing_modes, with_modes
from sidecar.domainxml.reservation.placeholders import find_foreign, strip_ours
from sidecar.domainxml.reservation.reserve import Wish, reserve
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.domainxml.teaming import apply_teaming, note_host_devices
from sidecar.domainxml.unplug import keep_unpluggable
from sidecar.domainxml.vfs import inject
from sidecar.errors import RequestError
from sidecar.model.alias import any_of_entry
from sidecar.model.ports import MachineFamily, PortCount
from sidecar.model.request import Request

_SEVERAL_CALLS = {"v2", "v3"}
"""Topologies whose KubeVirt defines the domain twice at least before it boots.

Both names came with that way of booting; v2 is what it calls a VM of the way before.
"""
_READ_BACK = {
    *("controller-scsi", "controller-virtio-serial", "disk", "hostdev", "memballoon", "rng"),
    *("input", "watchdog"),
}
"""Kinds of devices whose addresses KubeVirt keeps between two calls."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rewritten domain.

    ``before`` and ``after`` are the ports as this call's domain would boot, None where the
    VMI asked for nothing. ``notes`` are sentences worth logging.
    """

    domain: bytes
    before: PortCount | None = None
    after: PortCount | None = None
    notes: tuple[str, ...] = ()


def mutate(
    domain: bytes, request: Request, source: ControllerSource, *, pool_networks: bool = False
) -> Mutation:
    """Rewrite a domain as its VMI asks.

    Args:
        domain: domain XML, UTF-8.
        request: what the VMI asks; if nothing, ``domain`` comes back, the very same bytes but
            for the mode of PCI hostdevs (see ``modes``), unless it has more root ports than
            ``max_ports``.
        source: who makes the controllers.
        pool_networks: libvirt there has a network driver, so that a pool entry without an
            allocated VF may stay an ``<interface type='network'>``.

    Raises:
        RequestError: the domain or the request is impossible.
        CapacityError: not enough room for ports, or no VF allocated.
        HostError: the source failed.
        InternalError: a promise would be broken.
    """
    if request.migration_target:
        # The domain comes from the source; KubeVirt throws this answer away, and SR-IOV
        # devices are not there yet (generateConverterContext).
        note = "the VMI migrates to this pod: nothing to do"
        return Mutation(with_modes(domain), notes=(note,))
    if request.asks_nothing and request.max_ports is None:
        return Mutation(with_modes(domain))
    root = parse_domain(domain)
    notes = (
        *check_later_hooks(root, request),
        *check_eviction(request),
        *note_host_devices(request),
    )
    strip_ours(root)
    set_missing_modes(root)
    inventory = take_inventory(root)
    machine = inventory.machine
    _check_machine(machine, request)
    if request.asks_nothing and machine.family is not MachineFamily.PCIE:
        return Mutation(with_modes(domain))
    if machine.family in {MachineFamily.CCW, MachineFamily.NONE}:
        inject(root, request.vfs, pool_networks=pool_networks)
        note = f"machine {machine.name} ({machine.arch}) has no PCI ports: nothing to reserve"
        count = PortCount(machine.family, 0, 0)
        return Mutation(format_domain(root, domain), count, count, (*notes, note))
    base = source.lay_out(inventory)
    foreign = find_foreign(root)
    demand = read_demand(root, machine, request)
    check_slots(base, foreign, demand)
    wish = _wish(base, request, demand, foreign)
    guests = inject(root, request.vfs, pool_networks=pool_networks)
    transients = apply_teaming(root, request)
    done = reserve(base, guests, wish, source)
    keep_unpluggable(done.layout, transients, root_complex=request.root_complex)
    later = ("the ports are left to a later call of this boot",) if wish.later_call else ()
    notes = (*notes, *later, *done.notes)
    if request.asks_nothing:
        return Mutation(with_modes(domain), done.before, done.after)
    return Mutation(format_domain(root, domain), done.before, done.after, notes)


def _wish(base: Layout, request: Request, demand: Demand, foreign: list[etree._Element]) -> Wish:
    """Tell what to reserve, and what KubeVirt does after this call.

    ``foreign`` are KubeVirt's own placeholders.
    """
    root = base.inventory.domain
    extra = 0
    if request.topology_version and not request.root_complex and base.inventory.express:
        first = bool(foreign) or not _is_read_back(base)
        extra = count_extra_ports(root, len(foreign)) if first else 0
    return Wish(
        free=demand.ports,
        max_ports=request.max_ports,
        later_call=bool(foreign) or _is_first_call(base, request),
        freed_later=count_held(base, foreign, ports=base.inventory.express),
        extra=extra,
        extra_first=not foreign,
    )


def _check_machine(machine: Machine, request: Request) -> None:
    where = f"domain XML, <os><type machine='{machine.name}' arch='{machine.arch}'>"
    if request.pairs and machine.family is not MachineFamily.PCIE:
        raise RequestError(
            "teaming needs a machine with PCIe",
            where=request.pairs[0].where,
            found=f"machine {machine.name or 'none'}",
            expected="q35 or virt",
        )
    if machine.family is MachineFamily.NONE and (request.free_ports or request.vfs):
        raise RequestError(
            "this machine has no PCI ports that Portside knows of",
            where=where,
            expected="q35, pc, virt, pseries, or an s390x machine",
        )


def _is_first_call(base: Layout, request: Request) -> bool:
    """Whether this is the first of the calls that topology v2 and v3 mean, two at least.

    It is the one in which no device has an address but the VFs that we added.
    """
    if request.topology_version not in _SEVERAL_CALLS or not base.inventory.express:
        return False
    ours = frozenset[str]().union(*(any_of_entry(entry.name) for entry in request.vfs))
    return all(
        device.place is None or device.element is None or alias_of(device.element) in ours
        for device in base.inventory.devices
    )


def _is_read_back(base: Layout) -> bool:
    """Whether libvirt has placed the devices already: some come back without an address.

    KubeVirt itself places single devices (NUMA, ``pciAddress``), never all of these.
    """
    return not any(
        device.wanted and device.element is not None and device.kind in _READ_BACK
        for device in base.inventory.devices
    )
