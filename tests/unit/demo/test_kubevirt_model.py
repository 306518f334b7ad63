# SPDX-License-Identifier: Apache-2.0
"""What KubeVirt forgets between two calls, one by one."""

import pytest
from lxml import etree

from sidecar.domainxml.kubevirt.replay import read_by_kubevirt

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
DOMAIN = """<domain type='qemu' xmlns:qemu='{qemu}'><name>x</name><memory>1</memory>
<os><type>hvm</type></os>{outside}<devices>{devices}</devices></domain>"""


def remembered(outside: str = "", devices: str = "") -> etree._Element:
    xml = DOMAIN.format(qemu=QEMU, outside=outside, devices=devices)
    return etree.fromstring(read_by_kubevirt(xml.encode()))


@pytest.mark.parametrize(
    ("devices", "lost", "kept"),
    [
        (
            "<interface type='user'><teaming type='persistent'/><alias name='ua-a'/></interface>",
            "interface/teaming",
            "interface/alias[@name='ua-a']",
        ),
        (
            "<hostdev type='pci' mode='subsystem'><source/><teaming type='transient'/></hostdev>",
            "hostdev/teaming",
            "hostdev[@mode='subsystem']",
        ),
        (
            "<controller type='pci'><model name='pcie-root-port'/><target port='16'/></controller>",
            "controller/model",
            "controller/target",
        ),
        (
            "<controller type='pci' index='1'><target chassis='1' hotplug='off'/></controller>",
            "controller/target[@chassis]",
            "controller/target[@hotplug='off']",
        ),
        (
            "<controller type='pci'><address multifunction='on' bus='0'/></controller>",
            "controller/address[@multifunction]",
            "controller/address[@bus='0']",
        ),
        (
            "<video><model type='vga' primary='yes'/><address type='pci'/></video>",
            "video/address",
            "video/model[@type='vga']",
        ),
        (
            "<channel type='unix'><target type='virtio'/><address type='virtio-serial'/></channel>",
            "channel/address",
            "channel/target",
        ),
        ("<audio id='1' type='none'/><emulator>/q</emulator>", "audio", "emulator"),
    ],
)
def test_lost_in_devices(devices: str, lost: str, kept: str) -> None:
    root = remembered(devices=devices)
    assert root.find(f"devices/{lost}") is None
    assert root.find(f"devices/{kept}") is not None


@pytest.mark.parametrize(
    "outside",
    ["<title>t</title>", "<on_poweroff>destroy</on_poweroff>", "<seclabel type='none'/>"],
)
def test_lost_outside_devices(outside: str) -> None:
    assert remembered(outside).find(etree.fromstring(outside).tag) is None


def test_foreign_metadata_is_lost_and_kubevirts_own_kept() -> None:
    root = remembered(
        "<metadata><a xmlns='http://example.org'/><kubevirt xmlns='http://kubevirt.io'>"
        "<uid>u</uid></kubevirt></metadata>"
    )
    (metadata,) = root.findall("metadata")
    assert [child.tag for child in metadata] == ["{http://kubevirt.io}kubevirt"]
    assert metadata.findtext("*/{http://kubevirt.io}uid") == "u"


def test_the_qemu_command_line_is_kept_with_its_prefix() -> None:
    xml = DOMAIN.format(
        qemu=QEMU, outside="<qemu:commandline><qemu:arg value='-x'/></qemu:commandline>", devices=""
    )
    assert b'<qemu:arg value="-x"/>' in read_by_kubevirt(xml.encode())


def test_reading_twice_is_reading_once() -> None:
    once = etree.tostring(remembered("<title>t</title>", "<interface type='user'/>"))
    assert read_by_kubevirt(once) == read_by_kubevirt(read_by_kubevirt(once))
