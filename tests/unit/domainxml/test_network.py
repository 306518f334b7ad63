# SPDX-License-Identifier: Apache-2.0
"""A pool's network: ``<vf>`` is read and taken out, and nothing else changes."""

import pytest

from sidecar.domainxml.network import read_identity, read_network, with_uuid, write_minimum
from sidecar.errors import RequestError
from sidecar.model.pool import PoolDefinition
from tests.unit.domainxml.build import refusal

POOL = b"""\
<network>
  <!-- the uplink of rack 7 -->
  <name>sriov-pool</name>
  <metadata><a:note xmlns:a="urn:a">keep <vf>this</vf></a:note></metadata>
  <forward mode="hostdev" managed="yes">
    <driver name="vfio"/>
    <pf dev="eth1">
      <vf num="10"/>
    </pf>
  </forward>
  <vlan>
    <tag id="42"/>
  </vlan>
  <virtualport type="802.1Qbh">
    <parameters profileid="finance"/>
  </virtualport>
  <portgroup name="blue" default="yes"/>
</network>
"""
FOR_LIBVIRT = POOL.replace(b'<pf dev="eth1">\n      <vf num="10"/>\n    </pf>', b'<pf dev="eth1"/>')


def pool(forward: str, *, name: str = "<name>p</name>", more: str = "") -> bytes:
    return f"<network>{name}{forward}{more}</network>".encode()


def with_pf(pf: str) -> bytes:
    return pool(f"<forward mode='hostdev'>{pf}</forward>")


def with_vf(vf: str) -> bytes:
    return with_pf(f"<pf dev='eth1'>{vf}</pf>")


def test_vf_is_read_and_taken_out_and_all_else_stays() -> None:
    assert read_network(POOL) == (PoolDefinition("sriov-pool", "eth1", 10), FOR_LIBVIRT)


def test_vf_comes_back_where_it_was() -> None:
    assert write_minimum(FOR_LIBVIRT, 10) == POOL


def test_a_pool_without_vf_goes_to_libvirt_as_it_is() -> None:
    plain = b"<?xml version='1.0'?>\r\n" + with_pf("<pf   dev='eth1' />")
    assert read_network(plain) == (PoolDefinition("p", "eth1", None), plain)
    assert write_minimum(plain, None) is plain


def test_a_comment_inside_pf_stays() -> None:
    _, xml = read_network(with_vf("<!-- why --><vf num='1'/>"))
    assert b"<!-- why -->" in xml
    assert b"<vf" not in xml


def test_what_libvirt_counts_on_an_active_network_is_no_mistake() -> None:
    definition, _ = read_network(with_pf("<pf dev='eth1' connections='2'/>"))
    assert definition.pf_name == "eth1"


def test_in_one_line_vf_comes_back_in_one_line() -> None:
    assert b'<pf dev="eth1"><vf num="3"/></pf>' in write_minimum(with_pf("<pf dev='eth1'/>"), 3)


@pytest.mark.parametrize("number", [1, 65535])
def test_the_smallest_and_the_largest_number(number: int) -> None:
    definition, _ = read_network(with_vf(f"<vf num='{number}'/>"))
    assert definition.minimum == number


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (b"<domain/>", "network XML: wrong root element; found 'domain'; expected <network>"),
        (b"<network>", "network XML: not well-formed"),
        (b"<!DOCTYPE network><network/>", "network XML: a DOCTYPE is not accepted"),
        (pool("", name=""), "network XML: a pool has exactly one <name>; found none"),
        (pool("", name="<name>a</name><name>b</name>"), "a pool has exactly one <name>; found 2"),
        (pool("", name="<name/>"), "<name>: a pool needs a name; found ''"),
        (pool("", name="<name>a/b</name>"), "found 'a/b'; expected a text without /"),
        (pool("", name="<name>..</name>"), "a pool needs a name; found '..'"),
        (pool(""), "a pool has exactly one <forward>; found none; expected <forward mode='hos"),
        (pool("<forward mode='hostdev'/>" * 2), "exactly one <forward>; found 2"),
        (pool("<forward/>"), "<forward>: a pool forwards to VFs; found mode 'nat'; expected mode="),
        (pool("<forward mode='bridge'/>"), "found mode 'bridge'"),
        (with_pf(""), "<forward>: a pool has exactly one <pf>; found none"),
        (with_pf("<pf dev='a'/><pf dev='b'/>"), "a pool has exactly one <pf>; found 2"),
        (with_pf("<pf/>"), "<pf>, attribute dev: a pool needs its PF's network interface"),
        (with_pf("<pf dev='../x'/>"), "found '../x'; expected an interface's name"),
        (with_pf("<pf dev='sixteen-letters-'/>"), "found 'sixteen-letters-'"),
        (with_pf("<pf dev='eth1' num='4'/>"), "found 'num'; expected attribute dev alone"),
        (with_pf("<pf dev='eth1'><vfs/></pf>"), "<pf>: <pf> has a child that means nothing"),
        (with_pf("<pf dev='e'/><address type='pci'/>"), "found <address> beside <pf>"),
        (with_pf("<pf dev='e'/><interface dev='f'/>"), "found <interface> beside <pf>"),
        (with_vf("<vf num='1'/><vf num='1'/>"), "<pf>: <pf> has at most one <vf>; found 2"),
        (with_vf("<vf/>"), "<pf>/<vf>, attribute num: <vf> says how many VFs"),
        (with_vf("<vf num='0'/>"), "found '0'; expected a number from 1 to 65535"),
        (with_vf("<vf num='65536'/>"), "found '65536'"),
        (with_vf("<vf num='-1'/>"), "found '-1'"),
        (with_vf("<vf num='0x4'/>"), "found '0x4'"),
        (with_vf("<vf num='&#x0664;'/>"), "a number from 1 to 65535"),
        (with_vf("<vf num='4' max='9'/>"), "found 'max'; expected attribute num alone"),
        (with_vf("<vf num='4'>5</vf>"), "<vf> has content; found '5'"),
        (with_vf("<vf num='4'><mac/></vf>"), "<vf> has content; found 'mac'"),
        (
            pool("<forward mode='hostdev'><vf num='4'/><pf dev='e'/></forward>"),
            "network XML, line 1: <vf> is not inside <pf>; found <vf> inside <forward>",
        ),
        (
            pool("<forward mode='hostdev'><pf dev='e'/></forward>", more="<vf num='4'/>"),
            "found <vf> inside <network>",
        ),
    ],
)
def test_refuses(xml: bytes, message: str) -> None:
    assert message in str(refusal(RequestError, read_network, xml))


def test_a_uuid_is_added_to_a_network_without_one() -> None:
    uuid = "7a2ab9c0-1111-4222-8333-444455556666"
    assert read_identity(POOL) == ("sriov-pool", "")
    named = with_uuid(POOL, uuid)
    assert read_identity(named) == ("sriov-pool", uuid)
    assert named.replace(f"\n  <uuid>{uuid}</uuid>".encode(), b"") == POOL
