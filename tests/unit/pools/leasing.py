# SPDX-License-Identifier: Apache-2.0
"""Leases, domains and a libvirt that does not answer, on a made-up host."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.context import Node
from sidecar.virt.connection import Libvirt, open_libvirt
from tests.unit.pools.conftest import PF, PoolHost

ADDRESS = PciAddress.parse(PF)
UUID = "7a2ab9c0-1111-4222-8333-444455556666"
DOMAIN = Holder(HolderKind.DOMAIN, "vm1", UUID)
VMI = Holder(HolderKind.VMI, "shop/vm1", "1")
SETTINGS = VfSettings(mac=MacAddress("52:54:00:00:00:01"), vlan=PortVlan(42))
XML = f"""\
<domain type='test'><name>vm1</name><uuid>{UUID}</uuid><memory unit='MiB'>64</memory>
<os><type>hvm</type></os><devices><hostdev mode='subsystem' type='pci' managed='yes'>
<source><address domain='0' bus='1' slot='{{}}' function='{{}}'/></source></hostdev></devices>
</domain>"""
"""A domain with a VF of the PF at bus 1."""


def lease(
    host: PoolHost,
    index: int = 0,
    holder: Holder = DOMAIN,
    settings: VfSettings | None = None,
    *,
    cut_short: bool = False,
) -> None:
    now = host.node.now()
    with host.store.lock(ADDRESS) as held:
        taken = held.take(index, holder, settings or VfSettings(), "fast", now)
        if not cut_short:
            held.confirm(taken, now)


def state(host: PoolHost, index: int = 0) -> LeaseState:
    return host.store.leases(ADDRESS)[index].state


def set_for(host: PoolHost, settings: VfSettings) -> None:
    host.links.read_settings("eth1", 0)  # forgets what was set before the VF was made
    host.links.settings["eth1", 0] = settings


def define_domain(host: PoolHost, vf: str, *, start: bool) -> None:
    address = PciAddress.parse(vf)
    with host.node.libvirt() as libvirt:
        domain = libvirt.connection.defineXML(XML.format(address.slot, address.function))
        if start:
            domain.create()


@contextmanager
def no_libvirt() -> Iterator[Libvirt]:
    with open_libvirt("test:///nowhere.xml") as libvirt:
        yield libvirt


def alone(host: PoolHost) -> Node:
    return replace(host.node, libvirt=no_libvirt)
