# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.modes import set_missing_modes, with_modes
from tests.unit.domainxml.build import tree


@pytest.mark.parametrize(
    ("attributes", "mode"),
    [
        ("type='pci'", "subsystem"),
        ("type='pci' mode=''", "subsystem"),
        ("type='pci' mode='capabilities'", "capabilities"),
        ("type='usb'", None),
        ("", None),
    ],
)
def test_modes(attributes: str, mode: str | None) -> None:
    domain = tree(f"<hostdev {attributes}/>")
    set_missing_modes(domain)
    (hostdev,) = domain.findall("devices/hostdev")
    assert hostdev.get("mode") == mode


SET = " mode='subsystem'"
ODD_FRAME = (
    "\ufeff<?xml version='1.0' encoding='UTF-8'?>\n<domain type='kvm'>\n\t"
    "<metadata><hostdev type='pci'/></metadata>\n\t<devices>\n\t\t{}\n\t</devices>\n"
    "</domain>\n<!-- \u00fc --> \n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<hostdev{} type='pci'/>", SET),
        ('<hostdev{} managed="no"\n\ttype="pci"></hostdev >', SET),
        ("<hostdev{}\ttype='pci'/>", SET),
        ("<hostdev{} type = 'pci' />", SET),
        ("<hostdev{} type='pci' note='a>b'><source/></hostdev>", SET),
        (
            "<hostdev type='usb'/><hostdev{} type='pci'/><hostdev type='mdev' mode='subsystem'/>",
            SET,
        ),
        ("<hostdev type='pci' mode='capabilities'/><hostdev{} type='pci'/>", SET),
        ("<!-- <hostdev type='pci'/> --><hostdev{} type='pci'/>", SET),
        ("<?pi <hostdev type='pci'/>?><hostdev{} type='pci'/>", SET),
        ("<x><![CDATA[<hostdev type='pci'/>]]></x><hostdev{} type='pci'/>", SET),
        ("<x><hostdev type='pci'/></x><hostdev{} type='pci'/>", SET),
        ("<hostdevs type='pci'/><hostdev{} type='pci'/>", SET),
        ("<n:hostdev xmlns:n='urn:n' type='pci'/><hostdev{} type='pci'/>", SET),
        ("<y xmlns='urn:y'><hostdev type='pci'/></y><hostdev{} type='pci'/>", SET),
        ("<hostdev{} type='&#112;ci'/>", SET),
    ],
)
@pytest.mark.parametrize("frame", ["<domain><devices>{}</devices></domain>", ODD_FRAME])
def test_nothing_else_changes(before: str, after: str, frame: str) -> None:
    domain = frame.format(before.replace("{}", "")).encode()
    wanted = frame.format(before.replace("{}", after)).encode()
    assert with_modes(domain) == wanted
    assert with_modes(wanted) is wanted


@pytest.mark.parametrize(
    ("attributes", "left"),
    [
        ("type='pci' mode=''", " type='pci'"),
        ("mode = \"\" type='pci'", " type='pci'"),
        ("note=\"a mode='' b\" type='pci' mode=''", " note=\"a mode='' b\" type='pci'"),
    ],
)
def test_an_empty_mode_is_replaced(attributes: str, left: str) -> None:
    frame = "<domain><devices><hostdev{}/></devices></domain>"
    domain = frame.format(f" {attributes}").encode()
    assert with_modes(domain) == frame.format(SET + left).encode()


def test_all_of_many() -> None:
    one = "<hostdev{} type='pci'><source/></hostdev>\n"
    frame = "<domain><devices>{}</devices></domain>"
    domain = frame.format(one.replace("{}", "") * 50).encode()
    assert with_modes(domain) == frame.format(one.replace("{}", SET) * 50).encode()


@pytest.mark.parametrize(
    "domain",
    [
        b"",
        b"no XML, <hostdev type='pci'/>",
        b"<domain><devices><hostdev type='pci'></devices></domain>",
        b"<!DOCTYPE a><domain><devices><hostdev type='pci'/></devices></domain>",
        b"<network><devices><hostdev type='pci'/></devices></network>",
        b"<domain><devices><hostdev type='pci'/>\xff</devices></domain>",
        b"<domain><devices><hostdev type='usb'/></devices></domain>",
        b"<domain><hostdev type='pci'/></domain>",
        b"<domain><devices><interface type='hostdev'/></devices></domain>",
    ],
)
def test_the_very_same_bytes(domain: bytes) -> None:
    assert with_modes(domain) is domain
