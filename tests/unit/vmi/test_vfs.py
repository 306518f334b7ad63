# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, VfEntry
from sidecar.model.settings import PortVlan
from sidecar.vmi.request import parse_request
from tests.unit.vmi.build import MAC, check, vfs, vmi

ADDRESS = "0000:3b:02.1"
VFS = "annotation portside.io/vfs"
POOL = {"name": "fast", "pool": "p"}


def test_reads_every_key() -> None:
    request = parse_request(
        vfs(
            {"name": "a", "address": "3b:02.1"},
            {"name": "b", "pool": "p.1"},
            {
                "name": "c-1",
                "pool": "p.1",
                "mac": MAC.upper(),
                "vlan": {"id": 100},
                "team": "standby",
                "as": "hostdev",
                "managed": False,
            },
            {"name": "d", "address": "0000:3b:02.2", "as": "interface", "managed": True},
        )
    )
    assert request.vfs == (
        VfEntry("a", None, f"{VFS}, at $[0]", address=PciAddress(0, 0x3B, 2, 1)),
        VfEntry("b", None, f"{VFS}, at $[1]", pool="p.1"),
        VfEntry(
            "c-1",
            AttachAs.HOSTDEV,
            f"{VFS}, at $[2]",
            pool="p.1",
            mac=MacAddress(MAC),
            vlan=PortVlan(100),
            team="standby",
            managed=False,
        ),
        VfEntry(
            "d",
            AttachAs.INTERFACE,
            f"{VFS}, at $[3]",
            address=PciAddress(0, 0x3B, 2, 2),
            managed=True,
        ),
    )
    assert not request.asks_nothing
    assert request.free_ports == 0


def test_no_entry_asks_for_nothing() -> None:
    assert parse_request(vfs()).asks_nothing


@pytest.mark.parametrize(
    ("entry", "path", "part"),
    [
        (5, "", "expected an object"),
        ({}, "", "without a name"),
        ({"pool": "p"}, "", "without a name"),
        ({"name": "a"}, "", "found neither"),
        ({"name": "a", "pool": "p", "address": ADDRESS}, "", "found both"),
        ({**POOL, "trunk": []}, ".trunk", "expected one of address, as, mac, managed, name"),
        ({**POOL, "name": 5}, ".name", "expected a string"),
        ({**POOL, "name": ""}, ".name", "a DNS label"),
        ({**POOL, "name": "A"}, ".name", "a DNS label"),
        ({**POOL, "name": "-a"}, ".name", "a DNS label"),
        ({**POOL, "name": "a-"}, ".name", "a DNS label"),
        ({**POOL, "name": "a_b"}, ".name", "a DNS label"),
        ({**POOL, "name": "a\n"}, ".name", "a DNS label"),
        ({**POOL, "name": "a" * 64}, ".name", "a DNS label"),
        ({**POOL, "name": "standby"}, ".name", "a network of the VM has this name"),
        ({**POOL, "name": "gone"}, ".name", "an absent network of the VM has this name"),
        ({"name": "a", "pool": ""}, ".pool", "not the name of a libvirt network"),
        ({"name": "a", "pool": "a/b"}, ".pool", "not the name of a libvirt network"),
        ({"name": "a", "pool": ".."}, ".pool", "not the name of a libvirt network"),
        ({"name": "a", "pool": "a\u0000"}, ".pool", "not the name of a libvirt network"),
        ({"name": "a", "pool": "a" * 256}, ".pool", "not the name of a libvirt network"),
        ({"name": "a", "pool": None}, ".pool", "expected a string"),
        ({"name": "a", "address": "x"}, ".address", "not a PCI address"),
        ({"name": "a", "address": "0000:3b:20.0"}, ".address", "PCI slot is out of range"),
        ({"name": "a", "address": 5}, ".address", "expected a string"),
        ({**POOL, "mac": "x"}, ".mac", "not a MAC address"),
        ({**POOL, "mac": "01:00:00:00:00:00"}, ".mac", "multicast"),
        ({**POOL, "mac": "00:00:00:00:00:00"}, ".mac", "all zero"),
        ({**POOL, "mac": None}, ".mac", "expected a string"),
        ({**POOL, "vlan": {"id": 0}}, ".vlan.id", "expected 1 to 4094"),
        ({**POOL, "vlan": {"trunk": [1]}}, ".vlan", 'found {"trunk": [1]}'),
        ({**POOL, "team": 5}, ".team", "expected a string"),
        ({**POOL, "team": "nowhere"}, ".team", "no such network"),
        ({**POOL, "as": "nic"}, ".as", "expected hostdev or interface"),
        ({**POOL, "as": "network"}, ".as", "expected hostdev or interface"),
        ({**POOL, "name": "far"}, ".name", 'by its alias, the network "portside-far" of the VM'),
        ({**POOL, "name": "old"}, ".name", 'by its alias, the network "portside-old" of the VM'),
        ({**POOL, "as": []}, ".as", "expected a string"),
        ({**POOL, "managed": "yes"}, ".managed", "expected true or false"),
        ({**POOL, "managed": 1}, ".managed", "expected true or false"),
    ],
)
def test_refuses_at_its_place(entry: object, path: str, part: str) -> None:
    interfaces: list[dict[str, object]] = [
        {"name": "standby"},
        {"name": "gone", "state": "absent"},
        {"name": "portside-far", "sriov": {}},
        {"name": "portside-old", "bridge": {}},
    ]
    good = {"name": "good", "address": "0000:3b:02.7"}
    document = vmi({"vfs": [good, entry]}, interfaces=interfaces)
    check(document, f"{VFS}, at $[1]{path}", part)


def test_entries_share_neither_name_nor_vf() -> None:
    check(vfs(POOL, POOL), f"{VFS}, at $[1].name", "another entry has this name", '"fast"')
    one, two = ({"name": name, "address": ADDRESS} for name in "ab")
    check(vfs(one, two), f"{VFS}, at $[1].address", 'belongs to the entry "a" already')
    short = {"name": "b", "address": "3B:02.1"}
    check(vfs(one, short), f"{VFS}, at $[1].address", 'belongs to the entry "a" already')


def test_number_of_entries_is_bounded() -> None:
    entries = [{"name": f"n{index}", "pool": "p"} for index in range(256)]
    assert len(parse_request(vfs(*entries[:255])).vfs) == 255
    check(vfs(*entries), f"{VFS}, at $", "found 256 entries", "at most 255")


def test_a_mapping_is_no_list() -> None:
    check(vmi({"vfs": POOL}), f"{VFS}, at $", "found an object", "expected a list")


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (POOL, AttachAs.NETWORK),
        ({**POOL, "as": "interface"}, AttachAs.NETWORK),
        ({**POOL, "as": "hostdev"}, AttachAs.HOSTDEV),
        ({"name": "a", "address": ADDRESS}, AttachAs.HOSTDEV),
        ({"name": "a", "address": ADDRESS, "as": "hostdev"}, AttachAs.HOSTDEV),
        ({"name": "a", "address": ADDRESS, "as": "interface"}, AttachAs.INTERFACE),
    ],
)
def test_how_a_vf_is_attached(entry: dict[str, object], kind: AttachAs) -> None:
    assert [one.kind for one in parse_request(vfs(entry)).vfs] == [kind]


@pytest.mark.parametrize("element", [None, "hostdev", "interface"])
def test_an_allocated_vf_is_a_hostdev_by_default(element: str | None) -> None:
    entry = POOL if element is None else {**POOL, "as": element}
    (read,) = parse_request(vfs(entry, **{"vf-allocations": {"fast": ADDRESS}})).vfs
    assert read.kind == (element or "hostdev")
