# SPDX-License-Identifier: Apache-2.0
"""The order in which libvirt gives addresses; held against real libvirts by tests/oracle."""

import pytest
from lxml import etree

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import (
    ORDER,
    Device,
    children_of_devices,
    take_inventory,
)
from sidecar.errors import RequestError
from tests.unit.domainxml.build import element, refusal, tree
from tests.unit.domainxml.trees import address, nic, port


def devices(*xml: str, machine: str = "q35", arch: str = "x86_64") -> list[Device]:
    return take_inventory(tree(*xml, machine=machine, arch=arch)).devices


def names(found: list[Device]) -> list[str]:
    """Devices by alias or kind; those that wait for an address or have one."""
    result = []
    for device in found:
        if not device.wanted and device.place is None:
            continue
        alias = None if device.element is None else device.element.find("alias")
        result.append(device.kind if alias is None else alias.get("name", ""))
    return result


def named(xml: str, name: str) -> str:
    head, _, tail = xml.partition("/>")
    return f"{head}><alias name='{name}'/>{tail}</{xml[1:].split(maxsplit=1)[0]}>"


def test_kinds_come_in_libvirts_order_whatever_the_xmls() -> None:
    written = [
        *("<rng model='virtio'/>", "<memballoon model='virtio'/>", "<hostdev type='pci'/>"),
        *("<disk><target dev='vda' bus='virtio'/></disk>", "<vsock model='virtio'/>"),
        *("<controller type='scsi' model='virtio-scsi'/>", "<sound model='ac97'/>"),
        *("<interface type='user'><model type='virtio'/></interface>", "<filesystem/>"),
        *("<iommu model='virtio'/>", "<input bus='virtio'/>", "<watchdog model='i6300esb'/>"),
    ]
    kinds = [device.kind.partition("-")[0] for device in devices(*written)]
    order = [kind for kind in ORDER if kind in kinds]
    assert list(dict.fromkeys(kinds)) == order
    assert set(kinds) == {element(xml).tag for xml in written}


def test_nics_stay_in_document_order() -> None:
    assert names(devices(nic("b"), nic("a"), nic("c")))[:3] == ["ua-b", "ua-a", "ua-c"]


def test_disks_are_sorted_by_target() -> None:
    disks = [
        f"<disk><target dev='{name}' bus='virtio'/><alias name='{name}'/></disk>"
        for name in ("vdb", "vdaa", "vda", "vdz")
    ]
    assert [n for n in names(devices(*disks)) if n.startswith("vd")] == [
        "vda",
        "vdb",
        "vdz",
        "vdaa",
    ]


def test_interfaces_that_are_vfs_come_before_other_host_devices() -> None:
    found = names(
        devices(
            "<hostdev type='pci'><alias name='plain1'/></hostdev>",
            "<interface type='hostdev'><alias name='nic1'/></interface>",
            "<hostdev type='pci'><alias name='plain2'/></hostdev>",
            "<interface type='hostdev'><alias name='nic2'/></interface>",
            nic("virtio"),
        )
    )
    assert [n for n in found if n[:5] in {"plain", "nic1", "nic2", "ua-vi"}] == [
        *("ua-virtio", "nic1", "nic2", "plain1", "plain2"),
    ]


def test_the_primary_video_is_first() -> None:
    found = devices(
        "<video><model type='virtio'/></video>",
        "<video><model type='bochs' primary='yes'/></video>",
    )
    models = [d.element.find("model") for d in found if d.kind == "video" and d.element is not None]
    assert [m.get("type") for m in models if m is not None] == ["bochs", "virtio"]


def test_controllers_of_a_type_stay_together_by_index() -> None:
    found = devices(
        "<controller type='scsi' index='1' model='virtio-scsi'/>",
        "<controller type='virtio-serial' index='0'/>",
        "<controller type='scsi' index='0' model='virtio-scsi'/>",
    )
    have = [
        (d.kind, d.index)
        for d in found
        if d.kind in {"controller-scsi", "controller-virtio-serial"}
    ]
    assert have == [
        ("controller-scsi", 0),
        ("controller-scsi", 1),
        ("controller-virtio-serial", 0),
    ]


def test_controllers_sort_in_among_their_like() -> None:
    scsi = "<controller type='scsi' index='{}' model='virtio-scsi'/>"
    written = [scsi.format(n) for n in (5, 1, 3, 0, 4)]
    found = devices("<controller type='virtio-serial' index='0'/>", *written)
    order = [(d.kind[11:], d.index) for d in found if d.kind.startswith("controller-")]
    assert [index for kind, index in order if kind == "scsi"] == [0, 1, 3, 4, 5]
    kinds = [kind for kind, _ in order]
    assert kinds.index("scsi") == kinds.index("virtio-serial") + 1


def test_controllers_of_one_index_stay_in_document_order() -> None:
    found = devices(
        "<controller type='usb' index='1' model='ich9-ehci1'/>",
        "<controller type='usb' index='1' model='ich9-uhci2'><master startport='2'/></controller>",
        "<controller type='usb' index='1' model='ich9-uhci1'><master startport='0'/></controller>",
        "<controller type='usb' index='2' model='qemu-xhci'/>",
    )
    models = [d.model for d in found if d.kind == "controller-usb" and d.index]
    assert models == ["ich9-ehci1", "ich9-uhci2", "ich9-uhci1", "qemu-xhci"]


def test_the_master_of_usb_companions_comes_first() -> None:
    found = devices(
        "<controller type='usb' index='1' model='ich9-uhci1'><master startport='0'/></controller>",
        "<controller type='usb' index='1' model='ich9-ehci1'/>",
    )
    companions = [
        (d.model, d.function) for d in found if d.kind == "controller-usb" and d.index == 1
    ]
    assert companions == [("ich9-ehci1", 7), ("ich9-uhci1", 0)]


@pytest.mark.parametrize(
    ("xml", "kind"),
    [
        ("<memballoon model='virtio'/>", "memballoon"),
        ("<vsock model='virtio'/>", "vsock"),
        ("<iommu model='virtio'/>", "iommu"),
    ],
)
def test_some_devices_exist_once(xml: str, kind: str) -> None:
    assert [d.kind for d in devices(xml, xml)].count(kind) == 1


def test_what_libvirt_adds_has_no_element() -> None:
    domain = etree.fromstring(
        "<domain><os><type machine='q35'>hvm</type></os><devices><graphics type='vnc'/>"
        "<channel><target type='virtio'/></channel></devices></domain>"
    )
    added = [(d.kind, d.index) for d in take_inventory(domain).devices if d.element is None]
    assert added == [
        *(("controller-usb", 0), ("controller-sata", 0), ("controller-virtio-serial", 0)),
        *(("memballoon", 0), ("video", 0)),
    ]


def test_what_is_there_is_not_added() -> None:
    found = devices(
        "<controller type='sata' index='0'/>", "<controller type='usb' index='0' model='none'/>"
    )
    assert not [d for d in found if d.element is None]


@pytest.mark.parametrize(
    ("where", "place", "wanted"),
    [
        (address(1), Place(1, 0), False),
        ("", None, True),
        ("<address type='pci'/>", None, True),
        ("<address type='unassigned'/>", None, False),
    ],
)
def test_places_and_wants(where: str, place: Place | None, wanted: bool) -> None:
    found = devices(f"<hostdev type='pci'>{where}</hostdev>")
    device = next(one for one in found if one.kind == "hostdev")
    assert (device.place, device.wanted) == (place, wanted)


def test_all_devices_elements_count_and_no_other() -> None:
    domain = etree.fromstring(
        "<domain xmlns:x='urn:x'><devices><!-- c --><?p i?><a/><x:b/></devices>"
        "<x:devices><c/></x:devices><devices><d/><e xmlns='urn:y'/></devices><deep><devices><f/>"
        "</devices></deep></domain>"
    )
    assert [child.tag for child in children_of_devices(domain)] == ["a", "d"]


def test_a_domain_without_devices() -> None:
    domain = etree.fromstring(
        "<domain><os><type machine='s390-ccw-virtio' arch='s390x'/></os></domain>"
    )
    inventory = take_inventory(domain)
    assert (inventory.devices, inventory.controllers, inventory.express) == ([], [], False)


def test_takes_in_what_we_add() -> None:
    inventory = take_inventory(tree(port(1), port(3)))
    controller, vf = etree.Element("controller"), etree.Element("hostdev")
    inventory.add_controller(PciController(2, "pcie-root-port", place=Place(0, 9)), controller)
    inventory.add_device(vf, Place(2, 0))
    assert [c.index for c in inventory.controllers] == [0, 1, 2, 3]
    # libvirt places the controller; what was planned is forgotten.
    assert (inventory.controllers[2].element, inventory.controllers[2].place) == (controller, None)
    added = inventory.devices[-1]
    assert (added.kind, added.element, added.place) == ("hostdev", vf, Place(2, 0))
    assert (added.flags, added.wanted) == (connect.EXPRESS_DEVICE, False)


def test_a_controllers_index_is_a_number() -> None:
    error = refusal(RequestError, devices, "<controller type='scsi' index='one'/>")
    assert error.where == "domain XML, <controller type='scsi' index='one'>"
    assert error.found == "'one'"


def indexes(*controllers: str) -> list[tuple[str, int]]:
    """USB controllers, without the one of the tree."""
    usb = [d for d in devices(*controllers) if d.kind == "controller-usb" and d.model != "none"]
    return [(d.model or "", d.index) for d in usb]


def test_usb_companions_share_the_index_of_the_controller_before_them() -> None:
    written = [
        f"<controller type='usb' model='{model}'/>"
        for model in ("ich9-ehci1", "ich9-uhci1", "ich9-ehci1", "nec-xhci", "ich9-uhci1")
    ]
    assert sorted(indexes(*written)) == [
        *(("ich9-ehci1", 0), ("ich9-ehci1", 1), ("ich9-uhci1", 0), ("ich9-uhci1", 3)),
        *(("nec-xhci", 2),),
    ]


def test_a_controller_without_an_index_gets_the_lowest_unused() -> None:
    written = ("<controller type='usb' index='0' model='nec-xhci'/>", "<controller type='usb'/>")
    assert indexes(*written) == [("nec-xhci", 0), ("", 1)]
