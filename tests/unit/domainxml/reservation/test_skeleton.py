# SPDX-License-Identifier: Apache-2.0
"""What libvirt gets to see of a domain; tests/unit/virt and tests/oracle ask real libvirts."""

from copy import deepcopy

import pytest
from lxml import etree

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.classify import CLASSIFIERS
from sidecar.domainxml.addressing.inventory import Device, take_inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports, lay_out
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.reservation.skeleton import DefinedSource, make_skeleton
from sidecar.domainxml.reservation.skeleton_device import reduce_device
from sidecar.errors import CapacityError
from tests.property.vms import place
from tests.support import RECORDINGS
from tests.unit.domainxml.build import element, layout, refusal, tree
from tests.unit.domainxml.trees import address, nic, port

OFF = "<target hotplug='off'/>"
RECORDED = sorted(RECORDINGS.glob("*/*.xml"))


def reduced(xml: str) -> str | None:
    bone = reduce_device(element(xml), 7, "ua-x")
    return None if bone is None else etree.tostring(bone, encoding="unicode").replace('"', "'")


@pytest.mark.parametrize(
    ("xml", "bone"),
    [
        (
            nic("a", "<source dev='tap0'/><mtu size='9000'/>" + address(3)),
            (
                "<interface type='ethernet'><model type='virtio'/><address type='pci' bus='3' "
                "slot='0' function='0'/><alias name='ua-x'/></interface>"
            ),
        ),
        (
            (
                "<disk type='network' device='lun' model='virtio'><source protocol='rbd'>"
                "<host name='h'/></source><target dev='vda' bus='virtio'/><auth/></disk>"
            ),
            (
                "<disk type='file' device='disk' model='virtio'><source file='/portside/7'/>"
                "<target dev='vda' bus='virtio'/><alias name='ua-x'/></disk>"
            ),
        ),
        (
            (
                "<hostdev type='pci' managed='yes'><source><address bus='5'/></source>"
                "<alias name='ua-sriov-vf'/><teaming type='transient' persistent='ua-a'/></hostdev>"
            ),
            (
                "<hostdev type='pci' mode='subsystem' managed='no'><source><address bus='5'/>"
                "</source><alias name='ua-x'/></hostdev>"
            ),
        ),
        (
            port(4, "<target chassis='4' hotplug='off'/><alias name='pci.4'/>"),
            (
                "<controller type='pci' index='4' model='pcie-root-port'>"
                "<target chassis='4' hotplug='off'/><alias name='ua-x'/></controller>"
            ),
        ),
        (
            "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>",
            "<interface type='ethernet'><model type='virtio'/><alias name='ua-x'/></interface>",
        ),
        (
            "<interface type='vhostuser'><backend type='passt'/></interface>",
            "<interface type='ethernet'><model type='virtio'/><alias name='ua-x'/></interface>",
        ),
        (
            "<interface type='vdpa'><model type='e1000e'/></interface>",
            "<interface type='ethernet'><model type='e1000e'/><alias name='ua-x'/></interface>",
        ),
        (
            "<interface type='user'/>",
            "<interface type='ethernet'><alias name='ua-x'/></interface>",
        ),
        (
            "<video><model type='qxl' ram='65536' primary='yes'><acceleration/></model></video>",
            "<video><model type='qxl' primary='yes'/><alias name='ua-x'/></video>",
        ),
        (
            "<memory model='virtio-mem'><target><size>1</size></target></memory>",
            "<input type='tablet' bus='virtio'><alias name='ua-x'/></input>",
        ),
        ("<graphics type='spice' passwd='secret'/>", "<graphics type='vnc' port='-1'/>"),
        ("<emulator>/usr/bin/qemu</emulator>", None),
        ("<tpm model='tpm-crb'/>", None),
        ("<input type='tablet' bus='usb'/>", None),
        ("<serial type='unix'><target port='0'/></serial>", None),
        ("<channel type='spicevmc'><target type='spice'/></channel>", None),
        ("<iommu model='intel'/>", None),
        ("<watchdog model='itco'/>", None),
        ("<hostdev type='usb'/>", None),
        ("<unknown/>", None),
    ],
)
def test_devices_are_reduced(xml: str, bone: str | None) -> None:
    assert reduced(xml) == bone


def test_the_original_is_not_touched() -> None:
    xml = element(nic("a", "<source dev='tap0'/>"))
    before = deepcopy(xml)
    reduce_device(xml, 1, "ua-x")
    assert etree.tostring(xml) == etree.tostring(before)


def test_no_kind_of_pci_device_is_forgotten() -> None:
    # Their elements are reduced by rules of their own, or wholly kept.
    examples = {
        "hostdev": "<hostdev type='pci'/>",
        "input": "<input bus='virtio'/>",
        "iommu": "<iommu model='virtio'/>",
        "memory": "<memory model='virtio-mem'/>",
        "panic": "<panic model='pvpanic'/>",
        "serial": "<serial><target type='pci-serial'/></serial>",
        "watchdog": "<watchdog model='i6300esb'/>",
    }
    missing = [k for k in CLASSIFIERS if reduced(examples.get(k, f"<{k}/>")) is None]
    assert missing == []


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recorded_domains_keep_their_layout(path: object) -> None:
    domain = etree.parse(str(path)).getroot()
    inventory = take_inventory(domain)
    skeleton = make_skeleton(inventory)
    whole, bare = lay_out(inventory), lay_out(take_inventory(skeleton))
    assert sorted(bare.places.values()) == sorted(whole.places.values())
    text = etree.tostring(skeleton, encoding="unicode")
    for absent in ("kvm", "host-model", "/var/run", "kubevirt", "hugepages", "tap0", "pc-q35-"):
        assert absent not in text, absent


@pytest.mark.parametrize(
    ("machine", "arch", "written"),
    [
        ("pc-q35-rhel9.6.0", "x86_64", "q35"),
        ("pc-i440fx-9.2", "x86_64", "pc"),
        ("virt-8.2", "aarch64", "virt"),
        ("pseries-rhel9", "ppc64le", "pseries"),
    ],
)
def test_machine_versions_do_not_matter(machine: str, arch: str, written: str) -> None:
    kind = make_skeleton(take_inventory(tree(machine=machine, arch=arch))).find("os/type")
    assert kind is not None
    assert (kind.get("machine"), kind.get("arch")) == (written, arch)


def test_every_skeleton_has_a_name_of_its_own() -> None:
    inventory = take_inventory(tree())
    names = {make_skeleton(inventory).findtext("name") for _ in range(5)}
    assert len(names) == 5


def test_a_libvirt_that_gives_no_ports() -> None:
    def define(xml: bytes) -> bytes:
        """Answer as a libvirt that forgets all placeholders."""
        root = etree.fromstring(xml)
        for interface in root.findall("devices/interface"):
            root[-1].remove(interface)
        return etree.tostring(root)

    source = DefinedSource(define)
    found = source.lay_out(take_inventory(tree(port(1))))
    assert source.extend(found, 0) == []
    error = refusal(CapacityError, source.extend, found, 2)
    assert str(error) == (
        "domain XML: libvirt finds no pluggable ports for the devices asked for; "
        "expected room for 2 more devices. Ask for fewer ports."
    )


def device_places(found: Layout) -> list[Place]:
    return sorted(where for owner, where in found.places.items() if isinstance(owner, Device))


def define_by_plan(xml: bytes) -> bytes:
    """Answer as libvirt does, as far as the planner knows; real ones answer in tests/oracle."""
    root = etree.fromstring(xml)
    place(root)
    return etree.tostring(root)


@pytest.mark.parametrize(
    "devices",
    [
        (nic("a"),),
        (port(1, OFF), port(2, OFF), port(3), port(4, OFF), nic("a")),
        (port(1), port(5), nic("a", address(1)), nic("b")),
        (nic("a").replace("'virtio'", "'rtl8139'"), nic("b")),
    ],
)
@pytest.mark.parametrize("ports", [1, 2, 5])
def test_extends_as_the_planner_does(devices: tuple[str, ...], ports: int) -> None:
    source, planner = DefinedSource(define_by_plan), Planner()
    defined = source.lay_out(take_inventory(tree(*devices)))
    planned = planner.lay_out(take_inventory(tree(*devices)))
    assert device_places(defined) == device_places(planned)
    for _ in range(2):
        assert source.extend(defined, ports) == planner.extend(planned, ports)
        assert count_ports(defined) == count_ports(planned)
    assert [c.index for c in defined.added] == [c.index for c in planned.added]


def test_layouts_of_other_sources_do_not_fit() -> None:
    with pytest.raises(TypeError, match="a layout of another source"):
        DefinedSource(lambda xml: xml).extend(layout(), 1)
