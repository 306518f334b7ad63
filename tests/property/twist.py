# SPDX-License-Identifier: Apache-2.0
"""Domains whose structure was twisted: elements moved, copied, renamed, given odd values."""

import json
import re
from copy import deepcopy

from hypothesis import strategies as st
from lxml import etree

from sidecar.domainxml.addressing.classify import CLASSIFIERS
from tests.support import RECORDINGS

_MAC = "02:00:00:00:00:aa"


def _with(vmi: bytes, annotations: dict[str, object]) -> bytes:
    document = json.loads(vmi)
    known = document["metadata"].setdefault("annotations", {})
    known |= {
        f"portside.io/{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in annotations.items()
    }
    for interface in document["spec"]["domain"]["devices"]["interfaces"]:
        interface["macAddress"] = _MAC
    return json.dumps(document).encode()


_VMI = (RECORDINGS / "sriov" / "pass1-vmi.json").read_bytes()
_NETWORKS = [i["name"] for i in json.loads(_VMI)["spec"]["domain"]["devices"]["interfaces"]]
_VF = next(name for name in _NETWORKS if "vf" in name or "sriov" in name)
_NIC = next(name for name in _NETWORKS if name != _VF)
_ENTRIES = [
    {"name": "one", "address": "0000:3b:02.1", "as": "hostdev"},
    {"name": "two", "address": "0000:3b:02.2", "as": "interface", "vlan": {"id": 5}},
    {"name": "three", "pool": "p", "as": "hostdev", "vlan": {"trunk": [1, 2], "native": 1}},
]
VMIS = (
    _with(_VMI, {"interfaces": "9"}),
    _with(_VMI, {"interfaces": "32", "disks": "9", "host-devices": "9", "max-ports": "90"}),
    _with(_VMI, {"teaming": {_VF: _NIC}}),
    _with(
        _VMI,
        {"vfs": _ENTRIES, "vf-allocations": {"three": "0000:3b:02.3"}, "teaming": {_VF: _NIC}},
    ),
)
"""Each asks for something else; of the boot that ``SEEDS`` are of."""

SEEDS = tuple(
    re.sub(rb"<mac address=.[0-9a-f:]+.", b'<mac address="%s"' % _MAC.encode(), path.read_bytes())
    for path in sorted((RECORDINGS / "sriov").glob("*.xml"))
)
"""That boot's domains, with the MAC address that teams demand."""

_MOST = 400
"""Elements that a twist looks at or makes; a copy of copies would soon fill the memory."""

_TAGS = (*CLASSIFIERS, "controller", "address", "alias", "target", "model", "source", "mac")
_PLAIN = ("devices", "teaming", "vlan", "tag", "channel", "domain", "os", "type", "unknown")
_NAMES = st.sampled_from((*_TAGS, *_PLAIN, "{urn:x}address", "{urn:x}interface"))
_ATTRIBUTES = st.sampled_from(
    (
        *("type", "model", "mode", "index", "bus", "slot", "function", "domain", "controller"),
        *("name", "dev", "managed", "hotplug", "address", "persistent", "machine", "arch"),
    )
)
_VALUES = st.sampled_from(
    (
        *("", " ", "0", "1", "-1", "31", "32", "255", "256", "0x0", "0x1f", "0xff", "08", "0x"),
        *("99999999999999999999", "1e3", "٣", "nan", "pci", "usb", "unassigned", "drive", "none"),
        *("hostdev", "network", "ethernet", "virtio", "virtio-transitional", "off", "no", "yes"),
        *("pcie-root", "pci-root", "pcie-root-port", "pcie-to-pci-bridge", "pci-bridge"),
        *("pcie-switch-upstream-port", "pcie-switch-downstream-port", "pcie-expander-bus"),
        *("dmi-to-pci-bridge", "pci-expander-bus", "placeholder-1", "ua-portside-placeholder-1"),
        *("ua-portside-one", "ua-sriov-vf", "ua-default", "subsystem", "capabilities", "mdev"),
        *("pc", "q35", "virt", "pseries", "s390-ccw-virtio", "aarch64", "s390x", "x86_64"),
        *("00:00:00:00:00:00", "02:00:00:00:00:aa", "zz", "x" * 5000, "virtio-mmio", "ccw"),
    )
) | st.text(st.characters(blacklist_categories=("Cs", "Cc"), max_codepoint=0xFFFD), max_size=8)


@st.composite
def twisted(draw: st.DrawFn, domain: bytes) -> bytes:
    """The domain after some twists of its structure; well-formed whatever they did."""
    root = etree.fromstring(domain)
    for _ in range(draw(st.integers(1, 6))):
        elements = [one for one in root.iter() if isinstance(one.tag, str)][:_MOST]
        _twist(draw, draw(st.sampled_from(elements)), elements)
    return etree.tostring(root)


def _twist(draw: st.DrawFn, element: etree._Element, elements: list[etree._Element]) -> None:
    parent = element.getparent()
    kind = draw(st.sampled_from(("set", "set", "set", "drop", "copy", "move", "name", "unset")))
    if kind == "set":
        element.set(draw(_ATTRIBUTES), draw(_VALUES))
    elif kind == "unset" and element.attrib:
        del element.attrib[draw(st.sampled_from(sorted(map(str, element.attrib))))]
    elif kind == "name":
        element.tag = draw(_NAMES) if parent is not None else draw(st.sampled_from(("domain", "x")))
    elif kind == "drop" and parent is not None:
        parent.remove(element)
    elif kind == "copy" and parent is not None:
        most = max(1, _MOST // sum(1 for _ in element.iter()))
        for _ in range(min(most, draw(st.sampled_from((1, 2, 40))))):
            parent.append(deepcopy(element))
    elif kind == "move":
        target = draw(st.sampled_from(elements))
        if element not in (target, *target.iterancestors()):
            target.append(element)
