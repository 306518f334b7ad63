# SPDX-License-Identifier: Apache-2.0
"""Networks in libvirt's own test driver, which keeps them as the real one does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.domainxml.network import read_network
from sidecar.errors import HostError
from sidecar.virt.connection import open_libvirt
from sidecar.virt.networks import Networks

pytest.importorskip("libvirt", reason="needs libvirt-python")

UUID = "7a2ab9c0-1111-4222-8333-444455556666"
POOL = b"""\
<network>
  <name>pool</name>
  <forward mode='hostdev' managed='yes'>
    <pf dev='eth1'/>
  </forward>
</network>
"""


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Networks]:
    """A libvirt of this test alone, which a file gives; the default one is the process's."""
    (tmp_path / "node.xml").write_text("<node/>")
    with open_libvirt(f"test://{tmp_path}/node.xml") as libvirt:
        yield Networks(libvirt)


def test_a_network_is_defined_started_stopped_and_undefined(networks: Networks) -> None:
    assert networks.find("pool") is None
    assert not networks.is_active("pool")
    defined = networks.define(POOL)
    assert (defined.name, defined.active, defined.persistent) == ("pool", False, True)
    assert networks.list() == (defined,)
    networks.start("pool")
    assert networks.is_active("pool")
    networks.destroy("pool")
    assert networks.find("pool") == defined
    networks.undefine("pool")
    assert networks.find("pool") is None


def test_a_definition_without_uuid_redefines_the_network_of_that_name(networks: Networks) -> None:
    first = networks.define(POOL)
    assert networks.define(POOL.replace(b"eth1", b"eth2")) == first
    definition, _ = read_network(networks.xml("pool"))
    assert definition.pf_name == "eth2"


def test_a_definition_of_another_uuid_is_refused_in_libvirts_words(networks: Networks) -> None:
    networks.define(POOL)
    other = POOL.replace(b"<forward", f"<uuid>{UUID}</uuid><forward".encode())
    with pytest.raises(HostError, match="network 'pool' already exists with uuid"):
        networks.define(other)


def test_autostart_is_kept(networks: Networks) -> None:
    networks.define(POOL)
    networks.set_autostart("pool", autostart=True)
    found = networks.find("pool")
    assert found is not None
    assert found.autostart
    networks.set_autostart("pool", autostart=False)
    assert networks.list()[0].autostart is False


@pytest.mark.parametrize("action", [Networks.start, Networks.destroy, Networks.undefine])
def test_a_network_that_is_not_there_is_named(networks: Networks, action: object) -> None:
    assert callable(action)
    with pytest.raises(HostError, match=r"node.xml, network nothing: no such"):
        action(networks, "nothing")


def test_libvirts_refusal_comes_through(networks: Networks) -> None:
    networks.define(POOL)
    networks.start("pool")
    with pytest.raises(HostError, match=r"cannot start network pool; found .*already running"):
        networks.start("pool")
    with pytest.raises(HostError, match=r"cannot define network pool; found .*<pf>"):
        networks.define(POOL.replace(b"<pf dev='eth1'/>", b"<pf dev='a'/><pf dev='b'/>"))
