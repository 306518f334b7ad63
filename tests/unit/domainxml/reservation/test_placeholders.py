# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.reservation.placeholders import (
    find_foreign,
    is_ours,
    is_placeholder,
    make_placeholder,
    strip_ours,
)
from tests.support import RECORDINGS
from tests.unit.domainxml.build import element, tree
from tests.unit.domainxml.trees import nic

KUBEVIRTS = (
    "<interface type='ethernet'><source/><target dev='placeholder-0' managed='no'/>"
    "<model type='virtio-non-transitional'/><alias name='placeholder-0'/></interface>"
)


def test_is_what_the_seed_has_and_an_alias() -> None:
    assert etree.tostring(make_placeholder(3)) == (
        b'<interface type="ethernet"><target dev="placeholder-3" managed="no"/>'
        b'<model type="virtio-non-transitional"/><alias name="ua-portside-placeholder-3"/>'
        b"</interface>"
    )


def test_may_have_a_place() -> None:
    address = make_placeholder(1, Place(11, 0)).find("address")
    assert address is not None
    assert address.get("bus") == "0x0b"


@pytest.mark.parametrize(
    ("xml", "any_", "ours"),
    [
        (etree.tostring(make_placeholder(1)).decode(), True, True),
        (KUBEVIRTS, True, False),
        (KUBEVIRTS.replace("<alias name='placeholder-0'/>", ""), True, False),
        (KUBEVIRTS.replace("ethernet", "bridge"), False, False),
        (KUBEVIRTS.replace("managed='no'", ""), False, False),
        (KUBEVIRTS.replace("managed='no'", "managed='yes'"), False, False),
        (KUBEVIRTS.replace("dev='placeholder-0'", "dev='tap0'"), False, False),
        (KUBEVIRTS.replace("dev='placeholder-0'", ""), False, False),
        (KUBEVIRTS.replace("interface", "hostdev"), False, False),
        ("<interface type='ethernet'/>", False, False),
        # An alias alone makes no placeholder: a VF may be called so.
        (nic("portside-placeholder-1"), False, False),
    ],
)
def test_recognises(xml: str, any_: bool, ours: bool) -> None:
    assert (is_placeholder(element(xml)), is_ours(element(xml))) == (any_, ours)


@pytest.mark.parametrize(("boot", "count"), [("nic1", 3), ("sriov", 1), ("bigmem", 3), ("nic4", 0)])
def test_counts_kubevirts_in_recorded_calls(boot: str, count: int) -> None:
    call = etree.parse(RECORDINGS / boot / "pass1-to-hook.xml").getroot()
    assert len(find_foreign(call)) == count
    assert strip_ours(call) == 0


def test_strips_only_ours() -> None:
    domain = tree(KUBEVIRTS, nic("a"))
    devices = domain[-1]
    devices.extend(make_placeholder(number) for number in (1, 2))
    before = len(devices)
    assert len(find_foreign(domain)) == 1
    assert strip_ours(domain) == 2
    assert len(devices) == before - 2
    assert strip_ours(domain) == 0
    assert len(find_foreign(domain)) == 1
