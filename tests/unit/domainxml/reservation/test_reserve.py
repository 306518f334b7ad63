# SPDX-License-Identifier: Apache-2.0
"""The three steps, and what they refuse."""

from dataclasses import dataclass

import pytest
from lxml import etree

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.inventory import Device, Inventory, take_inventory
from sidecar.domainxml.addressing.layout import Layout
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.reservation.reserve import Reservation, Wish, reserve
from sidecar.errors import InternalError, RequestError
from tests.unit.domainxml.build import refusal, tree
from tests.unit.domainxml.reservation.test_placeholders import KUBEVIRTS
from tests.unit.domainxml.trees import address, nic, port

IOMMU = "<iommu model='virtio'/>"
RTL = nic("old").replace("'virtio'", "'rtl8139'")


def run(
    domain: etree._Element, wish: Wish, planner: Planner | None = None, guests: int = 0
) -> Reservation:
    source = planner or Planner()
    base = source.lay_out(take_inventory(domain))
    elements = [etree.SubElement(domain[-1], "hostdev", type="pci") for _ in range(guests)]
    return reserve(base, elements, wish, source)


def ports(domain: etree._Element) -> list[tuple[str, str, str]]:
    """Index, model and slot of the PCI controllers that are written."""
    found = []
    for one in domain.iterfind("devices/controller[@type='pci']"):
        where = one.find("address")
        slot = "" if where is None else f"{where.get('slot')}.{where.get('function')}"
        found.append((one.get("index", ""), one.get("model", ""), slot))
    return found


def placeholders(domain: etree._Element) -> list[str]:
    return [
        where.get("bus", "")
        for where in domain.iterfind("devices/interface/target[@managed='no']/../address")
    ]


@pytest.mark.parametrize("free", range(4))
def test_writes_ports_until_enough_are_free(free: int) -> None:
    domain = tree(nic("a"))
    done = run(domain, Wish(free))
    written = 1 + free if free > 1 else 0  # libvirt adds a spare one by itself
    assert ports(domain) == [(str(n), "pcie-root-port", "") for n in range(1, written + 1)]
    assert (done.before.total, done.before.free) == (2, 1)
    assert (done.after.total, done.after.free) == (max(2, 1 + free), max(1, free))


def test_what_is_free_already_counts() -> None:
    domain = tree(port(1), port(2), port(3), nic("a"))
    before = etree.tostring(domain)
    done = run(domain, Wish(2))
    assert etree.tostring(domain) == before
    assert done.before == done.after


def test_holes_are_written_out() -> None:
    domain = tree(port(3), nic("a"))
    run(domain, Wish(3))
    assert sorted(ports(domain)) == [(str(n), "pcie-root-port", "") for n in (1, 2, 3, 4)]


def test_ports_stand_behind_the_last_controller() -> None:
    domain = tree("<controller type='scsi' model='virtio-scsi'/>", nic("a"))
    run(domain, Wish(3))
    kinds = [f"{one.tag} {one.get('type', '')}" for one in domain[-1]]
    assert kinds[0] == "controller scsi"
    # The domain ends with a USB controller.
    assert kinds[-6:] == ["controller usb", *["controller pci"] * 5]


def test_a_domain_without_devices_gets_some() -> None:
    domain = etree.fromstring("<domain><os><type machine='q35'>hvm</type></os></domain>")
    run(domain, Wish(3))
    assert [n for n, _, _ in ports(domain)] == ["1", "2", "3", "4", "5"]


def test_integrated_devices_push_ports_to_explicit_slots() -> None:
    domain = tree(IOMMU, nic("a"))
    found = Planner().lay_out(take_inventory(domain)).places
    before = [p for o, p in found.items() if getattr(o, "kind", "") == "iommu"]
    assert before == [Place(0, 2)]
    run(domain, Wish(12))
    found = Planner().lay_out(take_inventory(domain)).places
    assert [p for o, p in found.items() if getattr(o, "kind", "") == "iommu"] == before
    assert {slot for _, _, slot in ports(domain)} & {"0x03.0x0", "0x03.0x1"}


def test_guests_get_ports_behind_all_others() -> None:
    domain = tree(nic("a"))
    done = run(domain, Wish(0), guests=2)
    assert [a.get("bus") for a in domain.iterfind("devices/hostdev/address")] == ["0x02", "0x03"]
    assert [n for n, _, _ in ports(domain)] == ["1", "2", "3"]
    assert done.after.free == 0


def test_guests_and_free_ports() -> None:
    done = run(tree(nic("a")), Wish(4), guests=2)
    assert (done.after.total, done.after.free) == (7, 4)


def test_later_calls_get_the_ports() -> None:
    domain = tree(nic("a"))
    before = etree.tostring(domain)
    done = run(domain, Wish(9, later_call=True))
    assert etree.tostring(domain) == before
    assert done.after.free == 1


def test_guests_need_their_ports_now() -> None:
    domain = tree(nic("a"))
    run(domain, Wish(9, later_call=True), guests=1)
    assert [n for n, _, _ in ports(domain)] == ["1", "2"]


def test_the_launcher_gets_placeholders() -> None:
    domain = tree(nic("a"))
    run(domain, Wish(3, later_call=True), Planner(by_launcher=True))
    assert ports(domain) == []
    assert placeholders(domain) == ["0x02", "0x03", "0x04"]


def test_the_launcher_frees_kubevirts_ports() -> None:
    domain = tree(nic("a"), KUBEVIRTS)
    run(domain, Wish(3, later_call=True, freed_later=1), Planner(by_launcher=True))
    assert placeholders(domain) == ["0x03", "0x04"]


@pytest.mark.parametrize(
    "devices",
    [
        pytest.param((IOMMU, nic("a")), id="an integrated device would move"),
        pytest.param((RTL, nic("a")), id="libvirt would guess a port where a bridge goes"),
        pytest.param(
            (port(1), port(2, model="pcie-to-pci-bridge"), RTL), id="a bridge is not placed yet"
        ),
    ],
)
def test_no_placeholders_where_they_push(devices: tuple[str, ...]) -> None:
    domain = tree(*devices)
    before = etree.tostring(domain)
    run(domain, Wish(9, later_call=True), Planner(by_launcher=True))
    assert etree.tostring(domain) == before


def test_no_placeholders_in_the_last_call() -> None:
    domain = tree(nic("a"))
    done = run(domain, Wish(3), Planner(by_launcher=True))
    assert placeholders(domain) == []
    assert done.after.free == 3


@pytest.mark.parametrize(("limit", "later"), [(10, False), (9, False), (9, True)])
def test_limits(limit: int, later: bool) -> None:
    domain = tree(nic("a"), nic("b"))
    wish = Wish(8, max_ports=limit, later_call=later)
    if limit == 10:
        assert run(domain, wish).after.total == 10
        return
    error = refusal(RequestError, run, domain, wish)
    assert str(error) == (
        "annotation portside.io/max-ports: the VM's root ports exceed the limit; found 10 root "
        "ports at boot: 3 without Portside, 7 of Portside so that 8 are free, 0 that KubeVirt "
        "appends by itself; expected at most 9. Raise the limit or ask for less."
    )


def test_a_limit_is_looked_at_where_nothing_grows() -> None:
    devices = (*(port(n) for n in range(1, 9)), nic("a"))
    assert run(tree(*devices), Wish(7, max_ports=8)).after.total == 8
    error = refusal(RequestError, run, tree(*devices), Wish(7, max_ports=7))
    assert error.found.startswith("8 root ports at boot: 8 without Portside, 0 of Portside so")


def test_limits_are_of_root_ports() -> None:
    run(tree(nic("a"), machine="pc"), Wish(40, max_ports=1))


def test_pc_gets_a_bridge_at_a_slot_of_its_own() -> None:
    domain = tree(nic("a"), nic("b"), machine="pc")
    done = run(domain, Wish(32))
    assert [(n, model) for n, model, _ in ports(domain)] == [("1", "pci-bridge")]
    assert done.after.free >= 32


def test_a_vf_on_pseries_keeps_its_host_bridge_to_itself() -> None:
    domain = tree(*(nic(str(n)) for n in range(30)), machine="pseries", arch="ppc64")
    done = run(domain, Wish(20), guests=3)
    assert done.after.free >= 20
    places = [where.get("bus") for where in domain.iterfind("devices/hostdev/address")]
    assert places == ["0x00", "0x01", "0x01"]


@dataclass(frozen=True)
class Liar(Planner):
    """A source whose libvirt does not do as it said."""

    lie: str = ""

    def lay_out(self, inventory: Inventory) -> Layout:
        layout = super().lay_out(inventory)
        written = any(controller.element is not None for controller in inventory.controllers)
        if written and self.lie == "occupied":
            for bus in layout.buses.buses[1:]:
                bus.taken[0] = 1
        if written and self.lie == "moved":
            for owner in layout.places:
                if isinstance(owner, Device) and owner.kind == "interface":
                    layout.places[owner] = Place(9, 0)
        return layout


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (
            "occupied",
            "domain XML: the reserved ports are not free; found 0; expected at least 3",
        ),
        (
            "moved",
            (
                "domain XML: a device would move to another PCI address; found <interface> with "
                "alias ua-a from 0000:01:00.0 to 0000:09:00.0. Please report this domain."
            ),
        ),
    ],
)
def test_a_broken_promise_is_our_bug(lie: str, message: str) -> None:
    error = refusal(InternalError, run, tree(nic("a")), Wish(3), Liar(lie=lie))
    assert str(error) == message


def test_ports_with_addresses_stay() -> None:
    domain = tree(port(1, address(0, 2, 0)), port(2, address(0, 2, 1)), nic("a", address(1)))
    run(domain, Wish(3))
    assert [slot for _, _, slot in ports(domain)] == ["2.0", "2.1", "", ""]
