# SPDX-License-Identifier: Apache-2.0
"""A pool of a made-up host, and a domain of libvirt's test driver that VFs come to and leave."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from lxml import etree

from sidecar.domainxml.vf_device import Wanted
from sidecar.domainxml.vfs import host_address
from sidecar.model.lease import LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs
from sidecar.model.settings import VfSettings
from sidecar.pools.attach import Attached, attach
from sidecar.pools.attach_plan import AttachRequest
from sidecar.pools.detach import Detached, DetachRequest, detach
from sidecar.pools.live_or_config import Scope
from sidecar.virt.connection import Libvirt
from tests.fakes.guests import Guests
from tests.unit.pools.conftest import PF, PoolHost

MAC = MacAddress("52:54:00:00:00:0b")
AS_IT_IS = Scope()
STANDBY = "52:54:00:aa:aa:aa"
_XML = """\
<domain type='test'><name>{name}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<controller type='pci' index='0' model='pcie-root'/>{ports}
<interface type='{kind}'>{source}<mac address='{mac}'/><model type='virtio'/>
<teaming type='persistent'/><alias name='ua-net0'/></interface></devices></domain>"""
_PORT = "<controller type='pci' index='{}' model='pcie-root-port'/>"


class Machine:
    """The host of a started pool ``fast``, whose libvirt has domains that take devices.

    What libvirt does with a VF that a running domain gets or gives back, is done: it goes to
    vfio-pci and is held, and back to its network driver.
    """

    def __init__(self, host: PoolHost, vfs: int = 3) -> None:
        self.host = host
        self.guests = Guests()
        self.guests.attached, self.guests.detached = self._give, self._get_back
        self.chosen = 0
        """The VF that libvirt gives away if it chooses."""
        self.returns = True
        """Whether libvirt gives VFs back to their network driver."""
        host.define(vfs)
        host.pools.start("fast")
        self.node = replace(host.node, libvirt=self._libvirt)

    def _libvirt(self) -> AbstractContextManager[Libvirt]:
        with self.host.node.libvirt() as libvirt:
            return nullcontext(self.guests.wrap(libvirt))

    def define(
        self, name: str = "web", *, ports: int = 8, start: bool = True, on: str = ""
    ) -> None:
        """Define a domain; ``on`` is the host's interface that its virtio interface sits on."""
        xml = _XML.format(
            name=name,
            ports="".join(_PORT.format(number + 1) for number in range(ports)),
            kind="direct" if on else "user",
            source=f"<source dev='{on}' mode='passthrough'/>" if on else "",
            mac=STANDBY,
        )
        with self.host.node.libvirt() as libvirt:
            domain = libvirt.connection.defineXML(xml)
            if start:
                domain.create()

    def stop(self, name: str = "web") -> None:
        with self.host.node.libvirt() as libvirt:
            domain = libvirt.connection.lookupByName(name)
            live = etree.fromstring(domain.XMLDesc(0))
            domain.destroy()
        for device in (*live.iter("hostdev"), *live.iter("interface")):
            if host_address(device) is not None:
                self._get_back(device)

    def attach(self, domain: str = "web", **wishes: object) -> Attached:
        given = {"kind": AttachAs.HOSTDEV, "pool": "fast", **wishes}
        request = AttachRequest(domain, **given)  # type: ignore[arg-type] # a test's own wishes
        return attach(self.node, request)

    def detach(
        self, alias: str = "ua-portside-fast-0", *, seconds: float = 5.0, scope: Scope = AS_IT_IS
    ) -> Detached:
        return detach(self.node, DetachRequest("web", Wanted(alias=alias), scope, seconds))

    def error(self, text: str) -> Exception:
        """Return an error as libvirt raises it."""
        with self.host.node.libvirt() as libvirt:
            error: Exception = libvirt.binding.libvirtError(text)
        return error

    def address(self, index: int) -> str:
        return self.host.vfs()[index]

    def state(self, index: int) -> LeaseState | None:
        lease = self.host.store.leases(PciAddress.parse(PF)).get(index)
        return None if lease is None else lease.state

    def holder(self, index: int) -> str:
        lease = self.host.store.leases(PciAddress.parse(PF)).get(index)
        return "" if lease is None or lease.holder is None else lease.holder.name

    def settings(self, index: int) -> VfSettings:
        return self.host.links.read_settings("eth1", index)

    def devices(self, name: str = "web", *, live: bool = True) -> list[etree._Element]:
        """Return the VFs that a domain has."""
        with self.host.node.libvirt() as libvirt:
            flags = 0 if live else libvirt.binding.VIR_DOMAIN_XML_INACTIVE
            root = etree.fromstring(libvirt.connection.lookupByName(name).XMLDesc(flags))
        found = (*root.iter("hostdev"), *root.iter("interface"))
        return [one for one in found if one.get("type") not in {"user", "direct"}]

    def _give(self, device: etree._Element) -> etree._Element:
        address = host_address(device)
        if address is None:
            vf = PciAddress.parse(self.address(self.chosen))
            source = device.find("source")
            assert source is not None
            device.set("type", "hostdev")
            device.set("managed", "yes")
            source.attrib.clear()
            etree.SubElement(
                source,
                "address",
                type="pci",
                domain=f"{vf.domain:#x}",
                bus=f"{vf.bus:#x}",
                slot=f"{vf.slot:#x}",
                function=f"{vf.function:#x}",
            )
            address = vf
        if self.host.kernel.driver(str(address)) != "vfio-pci":
            self.host.bind_vfio(str(address))
        self.host.kernel.hold(str(address), "qemu")
        return device

    def _get_back(self, device: etree._Element) -> None:
        vf = str(host_address(device))
        if self.host.kernel.driver(vf) == "vfio-pci":
            self.host.kernel.release(vf)
            if self.returns:
                self.host.bind_native(vf)
