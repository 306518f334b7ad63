# SPDX-License-Identifier: Apache-2.0
"""Domains of libvirt's own test driver, and the host's devices in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.model.guest import GuestDevice
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.virt.connection import Libvirt, open_libvirt
from sidecar.virt.guests import name_state, read_guests

binding = pytest.importorskip("libvirt", reason="needs libvirt-python")

UUID = "7a2ab9c0-1111-4222-8333-444455556666"
DOMAIN = f"""\
<domain type='test'><name>vm</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>
<os><type>hvm</type></os><devices>
<interface type='hostdev' managed='yes'><mac address='52:54:00:00:00:01'/>
<source><address type='pci' domain='0' bus='1' slot='16' function='0'/></source>
<alias name='ua-x'/></interface>
<interface type='network'><source network='default'/></interface>
</devices></domain>"""


@pytest.fixture
def libvirt(tmp_path: Path) -> Iterator[Libvirt]:
    """A libvirt of this test alone, which a file gives; the default one is the process's."""
    (tmp_path / "node.xml").write_text("<node/>")
    with open_libvirt(f"test://{tmp_path}/node.xml") as opened:
        yield opened


def device(state: str, *, live: bool) -> GuestDevice:
    vf = PciAddress(0, 1, 0x10, 0)
    return GuestDevice("vm", UUID, state, live, vf, "ua-x", MacAddress("52:54:00:00:00:01"))


def test_a_domain_that_is_off_only_will_have_its_devices(libvirt: Libvirt) -> None:
    libvirt.connection.defineXML(DOMAIN)
    assert read_guests(libvirt) == (device("shut off", live=False),)


def test_a_running_and_a_paused_domain_have_them(libvirt: Libvirt) -> None:
    domain = libvirt.connection.defineXML(DOMAIN)
    domain.create()
    assert read_guests(libvirt) == (device("running", live=True), device("running", live=False))
    domain.suspend()
    assert read_guests(libvirt) == (device("paused", live=True), device("paused", live=False))


def test_a_transient_domain_has_no_configuration(libvirt: Libvirt) -> None:
    libvirt.connection.createXML(DOMAIN)
    assert read_guests(libvirt) == (device("running", live=True),)


def test_a_libvirt_that_does_not_answer_is_an_error(libvirt: Libvirt) -> None:
    closed = binding.open("test:///default")
    closed.close()
    with pytest.raises(HostError, match="gone: libvirt cannot list its domains"):
        read_guests(Libvirt(libvirt.binding, closed, "gone"))


def test_states_are_virshs_words() -> None:
    assert name_state(binding.VIR_DOMAIN_SHUTOFF) == "shut off"
    assert name_state(binding.VIR_DOMAIN_PMSUSPENDED) == "pmsuspended"
    assert name_state(42) == "state 42"
