# SPDX-License-Identifier: Apache-2.0
"""One domain, the planner's view of it against what a real libvirt makes of it."""

import re
from collections import Counter
from dataclasses import dataclass
from random import Random
from xml.etree import ElementTree as ET

from sidecar.domainxml.addressing.inventory import Device, take_inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports, lay_out
from sidecar.domainxml.document import parse_domain
from sidecar.domainxml.mutate import mutate
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, PortsideError, RequestError
from sidecar.model.ports import MachineFamily
from sidecar.model.request import DeviceTotal, Request
from tests.oracle.oracle import Oracle, OracleError
from tests.oracle.readback import ReadBack, read_back

Owner = tuple[str, tuple[int, int, int]]
# What libvirt says of addresses and of PCI controllers; other refusals are not our business.
OF_ADDRESSES = re.compile(r"PCI|slot must|\bpcie?-|Bus 0 must")
NOT_OF_ADDRESSES = re.compile(
    r"NUMA|target index|only with PCI address type|needs a PCI address|zPCI"
)
PLACEHOLDER = (
    "<interface type='ethernet'><target dev='placeholder-{0}' managed='no'/>"
    "<model type='virtio-non-transitional'/></interface>"
)
SORTS_CONTROLLERS = (10, 0, 0)
"""9.0 puts controllers that it adds behind all others, newer ones sort them in."""


@dataclass(frozen=True)
class Difference:
    kind: str
    detail: str
    xml: str
    real: str = ""

    def __str__(self) -> str:
        return f"{self.kind}\n{self.detail}\n\n{self.xml}\n\n{self.real}"


def compare(oracle: Oracle, xml: str, random: Random, seen: Counter[str]) -> Difference | None:
    """Compare acceptance, addresses and the promise; count what came out in ``seen``."""
    try:
        real = oracle.define(xml)
    except OracleError as error:
        return _refused(xml, str(error), seen)
    seen["defined"] += 1
    try:
        layout = lay_out(take_inventory(parse_domain(xml.encode())))
    except PortsideError as error:
        return Difference("we refuse", str(error), xml, real)
    planned, defined = sorted(owners(layout)), sorted(owners_in(real))
    if oracle.libvirt >= SORTS_CONTROLLERS and planned != defined:
        only_us = [one for one in planned if one not in defined]
        only_libvirt = [one for one in defined if one not in planned]
        detail = f"only planned: {only_us}\nonly libvirt: {only_libvirt}"
        return Difference("addresses", detail, xml, real)
    difference = _ports(layout, real, xml) or _promise(oracle, xml, real, random, seen)
    if difference is None:
        seen["same"] += 1
    return difference


def _refused(xml: str, error: str, seen: Counter[str]) -> Difference | None:
    try:
        lay_out(take_inventory(parse_domain(xml.encode())))
    except PortsideError:
        seen["both refuse"] += 1
        return None
    if concerns_addresses(error):
        return Difference("libvirt refuses", error, xml)
    seen["refused for other reasons"] += 1
    return None


def concerns_addresses(error: str) -> bool:
    """Whether libvirt refused a domain for its PCI addresses or controllers."""
    return bool(OF_ADDRESSES.search(error)) and not NOT_OF_ADDRESSES.search(error)


def owners(layout: Layout) -> list[Owner]:
    """List what has an address in the planner's layout."""
    return [
        (
            owner.kind
            if isinstance(owner, Device)
            else f"controller-pci {owner.index} {owner.model}",
            (place.bus, place.slot, place.function),
        )
        for owner, place in layout.places.items()
    ]


def owners_in(real: str) -> list[Owner]:
    """List what has a PCI address in libvirt's XML."""
    found = []
    for device in ET.fromstring(real).iterfind("devices/*"):
        node = device.find("address")
        # A <console> repeats the address of the first <serial>.
        if node is None or node.get("type") != "pci" or device.tag == "console":
            continue
        bus, slot, function = (int(node.get(p, "0"), 0) for p in ("bus", "slot", "function"))
        kind = device.tag
        if kind == "controller":
            kind += f"-{device.get('type')}"
            if device.get("type") == "pci":
                kind += f" {device.get('index')} {device.get('model')}"
        found.append((kind, (bus, slot, function)))
    return found


def _ports(layout: Layout, real: str, xml: str) -> Difference | None:
    count, back = count_ports(layout), read_back(real)
    if count.family is not MachineFamily.PCIE:
        return None
    if (count.total, count.free) == (len(back.ports), back.free):
        return None
    detail = f"planned {count.total}, {count.free} free; libvirt {len(back.ports)}, {back.free}"
    return Difference("ports", detail, xml, real)


def _promise(
    oracle: Oracle, xml: str, real: str, random: Random, seen: Counter[str]
) -> Difference | None:
    """Ask for ports: so many are free then, and nothing moved."""
    free = random.choice((1, 2, 3, 6, 9, 17, 32))
    request = Request(interfaces=DeviceTotal(free, 0, "corpus"))
    try:
        result = mutate(xml.encode(), request, Planner()).domain
        again = mutate(result, request, Planner()).domain
    except (CapacityError, RequestError) as error:
        try:
            oracle.define(with_placeholders(xml, free))
        except OracleError:
            seen["no room for more ports"] += 1
            return None
        return Difference("no ports", f"{free} asked: {error}", xml, real)
    except PortsideError as error:
        return Difference("our fault", f"{free} asked: {error}", xml, real)
    if again != result:
        return Difference("not idempotent", f"{free} asked", xml, result.decode())
    try:
        text = oracle.define(result.decode())
    except OracleError as error:
        return Difference("result refused", f"{free} asked: {error}", xml, result.decode())
    return _kept(read_back(real), read_back(text), free, xml, text)


def with_placeholders(xml: str, count: int) -> str:
    """Put placeholders into the domain, for libvirt to make ports."""
    more = "".join(PLACEHOLDER.format(number) for number in range(count))
    return xml.replace("</devices>", more + "</devices>")


def _kept(
    without: ReadBack, with_us: ReadBack, free: int, xml: str, text: str
) -> Difference | None:
    moved = {
        key: (place, with_us.devices.get(key))
        for key, place in without.devices.items()
        if with_us.devices.get(key) != place
    }
    if moved:
        return Difference("moved", f"{free} asked: {moved}", xml, text)
    have = with_us.free if with_us.ports else with_us.free_slots
    if have < free:
        return Difference("too few", f"{free} asked, {have} free", xml, text)
    return None
