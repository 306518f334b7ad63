# SPDX-License-Identifier: Apache-2.0
"""Domains of libvirt's own test driver; devices come and go on the card (tests/card)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.virt.connection import Libvirt, open_libvirt
from sidecar.virt.devices import find_domain, need_domain

pytest.importorskip("libvirt", reason="needs libvirt-python")

UUID = "7a2ab9c0-1111-4222-8333-444455556666"
DOMAIN = f"""\
<domain type='test'><name>vm</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>
<os><type>hvm</type></os></domain>"""


@pytest.fixture
def libvirt(tmp_path: Path) -> Iterator[Libvirt]:
    """A libvirt of this test alone, with a domain that is off."""
    (tmp_path / "node.xml").write_text("<node/>")
    with open_libvirt(f"test://{tmp_path}/node.xml") as opened:
        opened.connection.defineXML(DOMAIN)
        yield opened


@pytest.mark.parametrize("name", ["vm", UUID])
def test_a_domain_is_found_by_name_and_by_uuid(libvirt: Libvirt, name: str) -> None:
    found = need_domain(libvirt, name)
    assert (found.name, found.uuid) == ("vm", UUID)
    assert (found.active, found.persistent) == (False, True)
    assert f"<uuid>{UUID}</uuid>".encode() in found.xml(live=False)


def test_one_that_is_not_there_is_named(libvirt: Libvirt) -> None:
    assert find_domain(libvirt, "nobody") is None
    with pytest.raises(HostError, match="domain nobody: no such domain"):
        need_domain(libvirt, "nobody")


def test_waiting_ends_when_the_device_is_gone_or_time_is_up(libvirt: Libvirt) -> None:
    domain = need_domain(libvirt, "vm")
    libvirt.connection.lookupByName("vm").create()
    seen: list[bytes] = []

    def third(xml: bytes) -> bool:
        seen.append(xml)
        return len(seen) == 3

    assert domain.wait(third, 30)
    assert all(b"<name>vm</name>" in xml for xml in seen)
    assert not domain.wait(lambda _: False, 0)


def test_a_domain_that_ended_has_no_devices(libvirt: Libvirt) -> None:
    domain = need_domain(libvirt, "vm")
    assert domain.wait(lambda _: False, 30)
    # A transient one that ended is not even known.
    libvirt.connection.lookupByName("vm").undefine()
    assert not domain.active
    assert domain.wait(lambda _: False, 30)


def test_a_refusal_carries_libvirts_words(libvirt: Libvirt) -> None:
    domain = need_domain(libvirt, "vm")
    with pytest.raises(HostError, match=r"cannot attach the VF to domain vm; found .*not supp"):
        domain.attach(b"<hostdev/>", live=True, config=False)
    with pytest.raises(HostError, match="cannot detach the VF from domain vm; found"):
        domain.detach(b"<hostdev/>", live=True)
