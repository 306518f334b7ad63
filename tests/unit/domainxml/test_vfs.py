# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.document import alias_of
from sidecar.domainxml.vfs import find_vf, host_address, inject, make_vf
from sidecar.errors import CapacityError, RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, VfEntry
from sidecar.model.settings import PortVlan
from tests.unit.domainxml.build import element, refusal, tree

VF = PciAddress(0, 0x3B, 2, 1)
SOURCE = '<address domain="0x0000" bus="0x3b" slot="0x02" function="0x1"/>'
TYPED = SOURCE.replace("<address", '<address type="pci"')
WHERE = "annotation portside.io/vfs, at $[0]"


def entry(attach_as: AttachAs = AttachAs.HOSTDEV, **more: object) -> VfEntry:
    given = {"address": VF, **more}
    return VfEntry("fast", attach_as, WHERE, **given)  # type: ignore[arg-type] # keys vary by test


def interface(**more: object) -> VfEntry:
    return entry(AttachAs.INTERFACE, **more)


def pool(**more: object) -> VfEntry:
    return interface(address=None, pool="blue", **more)


def text(xml: etree._Element) -> str:
    return etree.tostring(xml, encoding="unicode")


def canonical(xml: etree._Element) -> bytes:
    return etree.tostring(xml, method="c14n")


HOSTDEV = (
    '<hostdev mode="subsystem" type="pci" managed="no"><source>'
    f'{SOURCE}</source><alias name="ua-sriov-portside-fast"/></hostdev>'
)
INTERFACE = (
    '<interface type="hostdev" managed="no"><source>'
    f'{TYPED}</source><alias name="ua-portside-fast"/></interface>'
)
POOL = (
    '<interface type="network"><source network="blue"/><model type="virtio"/>'
    '<alias name="ua-portside-fast"/></interface>'
)


@pytest.mark.parametrize(
    ("wanted", "xml"),
    [
        (entry(), HOSTDEV),
        (entry(managed=True), HOSTDEV.replace('managed="no"', 'managed="yes"')),
        (entry(managed=False), HOSTDEV),
        # Both are set through the PF.
        (entry(mac=MacAddress("02:00:00:00:00:aa"), vlan=PortVlan(5)), HOSTDEV),
        (
            entry(address=PciAddress(0x10, 0xFF, 0x1F, 7)),
            HOSTDEV.replace(
                SOURCE,
                SOURCE.replace("0x0000", "0x0010")
                .replace("0x3b", "0xff")
                .replace("0x02", "0x1f")
                .replace('0x1"', '0x7"'),
            ),
        ),
        (interface(), INTERFACE),
        (
            interface(mac=MacAddress("02:00:00:00:00:aa")),
            INTERFACE.replace("<source>", '<mac address="02:00:00:00:00:aa"/><source>'),
        ),
        (
            interface(vlan=PortVlan(5)),
            INTERFACE.replace("<alias", '<vlan><tag id="5"/></vlan><alias'),
        ),
        (pool(), POOL),
        (pool(vlan=PortVlan(5)), POOL.replace("<alias", '<vlan><tag id="5"/></vlan><alias')),
        (VfEntry("fast", None, WHERE, address=VF, pool="blue"), HOSTDEV),
        (VfEntry("fast", None, WHERE, pool="blue"), POOL),
    ],
)
def test_makes_and_knows_again(wanted: VfEntry, xml: str) -> None:
    assert text(make_vf(wanted)) == xml
    domain = tree()
    (added,) = inject(domain, (wanted,), pool_networks=True)
    assert find_vf(domain, wanted) is added
    once = text(domain)
    assert inject(domain, (wanted,), pool_networks=True) == []
    assert text(domain) == once


@pytest.mark.parametrize(
    "stripped",
    [
        pytest.param(HOSTDEV.replace(' mode="subsystem"', ""), id="mode"),
        pytest.param(HOSTDEV.replace('<alias name="ua-sriov-portside-fast"/>', ""), id="alias"),
        pytest.param(HOSTDEV.replace("-sriov", ""), id="alias of Portside 0.1.0"),
        pytest.param(HOSTDEV.replace(SOURCE, ""), id="source address"),
        pytest.param(HOSTDEV.replace("0x3b", "0x3c"), id="another VF"),
        pytest.param(HOSTDEV.replace(' managed="no"', ""), id="managed"),
    ],
)
def test_gives_back_to_a_hostdev(stripped: str) -> None:
    domain = tree(stripped)
    assert inject(domain, (entry(),), pool_networks=False) == []
    (found,) = domain.findall("devices/hostdev")
    assert sorted(found.attrib.items()) == sorted(element(HOSTDEV).attrib.items())
    assert host_address(found) == VF
    assert alias_of(found) == "ua-sriov-portside-fast"


@pytest.mark.parametrize(
    ("part", "rest"),
    [
        ('<mac address="02:00:00:00:00:aa"/>', ""),
        ('<vlan><tag id="5"/></vlan>', ""),
        ('<vlan><tag id="5"/></vlan>', '<vlan><tag id="6"/></vlan>'),
        ('<vlan><tag id="5"/></vlan>', '<vlan trunk="yes"><tag id="5"/></vlan>'),
        ('type="pci"', ""),
    ],
)
def test_gives_back_to_an_interface(part: str, rest: str) -> None:
    wanted = interface(mac=MacAddress("02:00:00:00:00:aa"), vlan=PortVlan(5))
    whole = text(make_vf(wanted))
    assert part in whole
    domain = tree(whole.replace(part, rest))
    assert inject(domain, (wanted,), pool_networks=True) == []
    (found,) = domain.findall("devices/interface")
    assert {canonical(child) for child in found} == {canonical(child) for child in element(whole)}


def test_a_vf_of_a_pool_that_was_allocated_meanwhile() -> None:
    domain = tree(POOL)
    inject(domain, (interface(pool="blue"),), pool_networks=True)
    (found,) = domain.findall("devices/interface")
    assert found.get("type") == "hostdev"
    assert host_address(found) == VF
    assert found.find("source[@network]") is None


@pytest.mark.parametrize("pool_networks", [False, True])
@pytest.mark.parametrize("attach_as", [None, AttachAs.HOSTDEV])
def test_waits_for_an_allocation(pool_networks: bool, attach_as: AttachAs | None) -> None:
    wanted = VfEntry("fast", attach_as, WHERE, pool="blue")
    domain = tree()
    if pool_networks and attach_as is None:
        assert len(inject(domain, (wanted,), pool_networks=True)) == 1
        return
    error = refusal(CapacityError, inject, domain, (wanted,), pool_networks=pool_networks)
    assert str(error) == (
        "annotation portside.io/vfs, at $[0]: VF fast of pool blue is not allocated yet; expected "
        "its PCI address in annotation portside.io/vf-allocations. Allocate a VF of the pool; "
        "KubeVirt retries the start by itself."
    )


@pytest.mark.parametrize("wanted", [interface(), interface(pool="blue"), pool()])
def test_no_interface_in_a_pod(wanted: VfEntry) -> None:
    domain = tree()
    error = refusal(RequestError, inject, domain, (wanted,), pool_networks=False)
    assert str(error) == (
        "annotation portside.io/vfs, at $[0].as: a VF cannot be an <interface> in a virt-launcher "
        'pod; found "interface"; expected "hostdev", or no key as. libvirt sets an interface\'s VF '
        "through the network interface of its physical function, which is not in the pod; MAC and "
        "VLAN of a hostdev are set on the node. An administrator whose launcher can do it sets "
        "--pool-networks"
    )
    assert not len(domain[0])


def test_a_vf_that_the_vm_has_already() -> None:
    domain = tree(HOSTDEV.replace("ua-sriov-portside-fast", "ua-sriov-vf"))
    error = refusal(RequestError, inject, domain, (entry(),), pool_networks=False)
    assert str(error) == (
        "annotation portside.io/vfs, at $[0]: this VF already belongs to another device of the "
        "VM; found 0000:3b:02.1, which is <hostdev> with alias ua-sriov-vf; expected a VF that "
        "the VM does not have"
    )


def test_several_are_added_in_order() -> None:
    wanted = (entry(), VfEntry("slow", AttachAs.INTERFACE, WHERE, address=PciAddress(0, 1, 2)))
    added = inject(tree(), wanted, pool_networks=True)
    assert [one.tag for one in added] == ["hostdev", "interface"]


def test_a_domain_without_devices_gets_some() -> None:
    domain = element("<domain/>")
    inject(domain, (entry(),), pool_networks=False)
    assert text(domain) == f"<domain><devices>{HOSTDEV}</devices></domain>"


@pytest.mark.parametrize(
    ("xml", "address"),
    [
        (HOSTDEV, VF),
        (INTERFACE, VF),
        (POOL, None),
        ("<hostdev type='pci'/>", None),
        ("<hostdev type='pci'><source/></hostdev>", None),
        (f"<hostdev type='usb'><source>{SOURCE}</source></hostdev>", None),
        ("<hostdev type='pci'><source><address type='usb' bus='1'/></source></hostdev>", None),
        (f"<interface type='bridge'><source>{TYPED}</source></interface>", None),
        ("<hostdev type='pci'><address type='pci' bus='1'/></hostdev>", None),
    ],
)
def test_addresses_on_the_host(xml: str, address: PciAddress | None) -> None:
    assert host_address(element(xml)) == address


def test_a_senseless_host_address_is_refused() -> None:
    xml = element("<hostdev type='pci'><source><address bus='0x100'/></source></hostdev>")
    error = refusal(RequestError, host_address, xml)
    assert error.where == "domain XML, <hostdev> in line 1, <address>"
