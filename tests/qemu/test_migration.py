# SPDX-License-Identifier: Apache-2.0
"""A live migration between two real libvirts, of a VM whose VF leaves before as KubeVirt has it.

The hook writes the domain. A ``<hostdev>`` needs VFIO, so for the boot a USB NIC, which needs no
guest to be unplugged, stands in for it under the same alias and in the same places: running
domain and configuration. What is shown is libvirt's part: that unplugging by alias works on a
device that was there since the boot, and what the VM is afterwards.
"""

import json
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import pytest
from lxml import etree

from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import count_ports, lay_out
from sidecar.hook.define_domain import Settings, define_domain
from tests.qemu.session import make_folder, remove_folder, session_libvirt

_SECONDS: Final = 60.0
_KUBEVIRTS: Final = "ua-sriov-"
"""By this prefix KubeVirt unplugs (``sriov.SafelyDetachHostDevices``)."""
STANDBY = (
    "<interface type='user'><mac address='02:00:00:00:00:aa'/>"
    "<model type='virtio-non-transitional'/><alias name='ua-standby'/></interface>"
)
DOMAIN = f"""\
<domain type='qemu'><name>default_vm</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<cpu mode='custom'><model>qemu64</model></cpu>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<controller type='usb' model='qemu-xhci'/>{STANDBY}<memballoon model='none'/></devices></domain>
"""
VMI = {
    "metadata": {
        "name": "vm",
        "namespace": "default",
        "annotations": {
            "portside.io/interfaces": "4",
            "portside.io/vfs": json.dumps([{"name": "data0", "pool": "fast", "team": "standby"}]),
            "portside.io/vf-allocations": json.dumps({"data0": "0000:3b:02.1"}),
        },
    },
    "spec": {
        "evictionStrategy": "LiveMigrate",
        "domain": {
            "devices": {
                "interfaces": [{"name": "standby", "bridge": {}, "macAddress": "02:00:00:00:00:aa"}]
            }
        },
    },
}


@pytest.fixture
def libvirts() -> Iterator[tuple[ModuleType, Any, Any]]:
    """libvirt's module, and the libvirts that a VM leaves and comes to."""
    binding = pytest.importorskip("libvirt", reason="needs libvirt-python")
    folder = make_folder()
    try:
        with (
            session_libvirt(folder / "a", binding, 49_500) as source,
            session_libvirt(folder / "b", binding, 49_600) as target,
        ):
            yield binding, source, target
    finally:
        remove_folder(folder)


def stand_in(alias: str) -> str:
    return (
        "<interface type='user'><mac address='02:00:00:00:00:ab'/><model type='usb-net'/>"
        f"<alias name='{alias}'/><address type='usb' bus='0' port='1'/></interface>"
    )


def written_by_the_hook() -> str:
    """Return the domain with the stand-in where the hook wrote the VF."""
    outcome = define_domain(json.dumps(VMI).encode(), DOMAIN.encode(), Settings())
    root = etree.fromstring(outcome.mutation.domain)
    (hostdev,) = root.findall("devices/hostdev")
    (alias,) = hostdev.findall("alias")
    parent = hostdev.getparent()
    assert parent is not None
    parent.replace(hostdev, etree.fromstring(stand_in(str(alias.get("name")))))
    return etree.tostring(root, encoding="unicode")


def devices_of(domain: Any, *, live: bool, binding: ModuleType) -> etree._Element:  # noqa: ANN401 - libvirt's module has no annotations
    flags = 0 if live else binding.VIR_DOMAIN_XML_INACTIVE
    return etree.fromstring(domain.XMLDesc(flags))


def aliases(root: etree._Element) -> list[str]:
    return [str(alias.get("name")) for alias in root.iterfind("devices/*/alias")]


def unplug_as_kubevirt(domain: Any, binding: ModuleType) -> list[str]:  # noqa: ANN401 - as above
    """Unplug by prefix from the running domain and the configuration; tell what."""
    root = devices_of(domain, live=True, binding=binding)
    found = [
        device
        for device in root.iterfind("devices/*")
        if any(alias.get("name", "").startswith(_KUBEVIRTS) for alias in device.iterfind("alias"))
    ]
    both = binding.VIR_DOMAIN_AFFECT_LIVE | binding.VIR_DOMAIN_AFFECT_CONFIG
    for device in found:
        domain.detachDeviceFlags(etree.tostring(device, encoding="unicode"), both)
    names = [str(device.findall("alias")[0].get("name")) for device in found]
    end = time.monotonic() + _SECONDS
    while set(names) & set(aliases(devices_of(domain, live=True, binding=binding))):
        assert time.monotonic() < end, names
        time.sleep(0.1)
    return names


def test_the_vf_leaves_and_the_team_goes_on(libvirts: tuple[ModuleType, Any, Any]) -> None:
    binding, source, target = libvirts
    domain = source.defineXML(written_by_the_hook())
    domain.create()
    for live in (True, False):
        assert "ua-sriov-portside-data0" in aliases(devices_of(domain, live=live, binding=binding))

    assert unplug_as_kubevirt(domain, binding) == ["ua-sriov-portside-data0"]
    socket = target.getURI().partition("socket=")[2]
    domain.migrateToURI3(
        f"qemu+unix:///session?socket={socket}",
        {binding.VIR_MIGRATE_PARAM_URI: "tcp://127.0.0.1"},
        binding.VIR_MIGRATE_LIVE | binding.VIR_MIGRATE_PEER2PEER | binding.VIR_MIGRATE_PERSIST_DEST,
    )

    arrived = target.lookupByName("default_vm")
    assert arrived.isActive()
    assert not domain.isActive()
    for live in (True, False):
        root = devices_of(arrived, live=live, binding=binding)
        assert not [name for name in aliases(root) if name.startswith(_KUBEVIRTS)]
        partner = root.findall("devices/interface/alias[@name='ua-standby']/../teaming")
        assert [one.get("type") for one in partner] == ["persistent"]
        # The three that were asked for, and the VF's own.
        assert count_ports(lay_out(take_inventory(root))).free >= 4


def test_what_is_in_the_running_domain_alone_cannot_leave_so(
    libvirts: tuple[ModuleType, Any, Any],
) -> None:
    binding, source, _ = libvirts
    domain = source.defineXML(DOMAIN)
    domain.create()
    domain.attachDeviceFlags(stand_in("ua-sriov-portside-data0"), binding.VIR_DOMAIN_AFFECT_LIVE)
    with pytest.raises(binding.libvirtError, match="not found"):
        unplug_as_kubevirt(domain, binding)
