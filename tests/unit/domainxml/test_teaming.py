# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.teaming import apply_teaming, note_host_devices
from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.request import AttachAs, Network, Request, TeamingPair, VfEntry
from tests.unit.domainxml.build import refusal, tree

MAC = "02:00:00:00:00:aa"
OTHER = "02:00:00:00:00:bb"
WHERE = "annotation portside.io/teaming, at $.vf"
PAIR = TeamingPair("vf", "standby", WHERE)
REQUEST = Request(
    networks=(Network("standby", MacAddress(MAC)), Network("vf", MacAddress(MAC), sriov=True)),
    teaming=(PAIR,),
)


def nic(**changed: str) -> str:
    parts = {"type": "bridge", "model": "virtio", "mac": MAC, "alias": "ua-standby", **changed}
    mac = f"<mac address='{parts['mac']}'/>" if parts["mac"] else ""
    return (
        f"<interface type='{parts['type']}'>{mac}<model type='{parts['model']}'/>"
        f"<alias name='{parts['alias']}'/>{parts.get('more', '')}</interface>"
    )


def vf(alias: str = "ua-sriov-vf", more: str = "", tag: str = "hostdev type='pci'") -> str:
    return f"<{tag}><alias name='{alias}'/>{more}</{tag.partition(' ')[0]}>"


def team(*devices: str, request: Request = REQUEST) -> tuple[etree._Element, list[etree._Element]]:
    domain = tree(*devices)
    return domain, apply_teaming(domain, request)


def teamings(domain: etree._Element) -> list[tuple[str, dict[str, str]]]:
    return [
        (str(device.tag), {str(key): str(value) for key, value in teaming.items()})
        for device in domain.iterfind("devices/*")
        for teaming in device.iterchildren("teaming")
    ]


TRANSIENT = {"type": "transient", "persistent": "ua-standby"}
IS_VF = "interface type='hostdev'"
IN_POOL = "interface type='network'"


@pytest.mark.parametrize(
    ("transient", "tag"),
    [
        (vf(), "hostdev"),
        (vf("ua-sriov-portside-vf"), "hostdev"),
        (vf("ua-portside-vf"), "hostdev"),
        (vf("ua-hostdevice-vf"), "hostdev"),
        (vf("ua-dra-hostdevice-vf"), "hostdev"),
        (vf("ua-vf", tag=IS_VF), "interface"),
        (vf("ua-portside-vf", tag=IS_VF), "interface"),
        (vf("ua-sriov-vf", tag=IS_VF), "interface"),
        (vf("ua-portside-vf", tag=IN_POOL), "interface"),
    ],
)
@pytest.mark.parametrize("model", ["virtio", "virtio-non-transitional"])
def test_writes_both_halves_once(transient: str, tag: str, model: str) -> None:
    domain, transients = team(nic(model=model), transient)
    expected = [("interface", {"type": "persistent"}), (tag, TRANSIENT)]
    assert teamings(domain) == expected
    assert [one.tag for one in transients] == [tag]
    once = etree.tostring(domain)
    assert apply_teaming(domain, REQUEST) == transients
    assert etree.tostring(domain) == once


def test_the_order_in_the_domain_does_not_matter() -> None:
    domain, _ = team(vf(), nic(alias="ua-other", mac=OTHER), nic())
    assert teamings(domain) == [("hostdev", TRANSIENT), ("interface", {"type": "persistent"})]


def test_an_interface_gets_the_mac_of_its_partner() -> None:
    domain, (transient,) = team(nic(mac=MAC.upper()), vf("ua-vf", tag=IS_VF))
    mac = transient.find("mac")
    assert mac is not None
    assert mac.get("address") == MAC
    assert len(domain.findall("devices/interface/mac")) == 2


def test_a_lost_half_comes_back() -> None:
    domain, _ = team(nic(more="<teaming type='persistent'/>"), vf())
    assert len(teamings(domain)) == 2


def test_pairs_of_entries_too() -> None:
    vfs = VfEntry("fast", AttachAs.HOSTDEV, "$[0]", mac=MacAddress(MAC), team="standby")
    domain, _ = team(nic(), vf("ua-sriov-portside-fast"), request=Request(vfs=(vfs,)))
    assert teamings(domain)[1] == ("hostdev", TRANSIENT)


@pytest.mark.parametrize(
    ("devices", "where", "what", "parts"),
    [
        pytest.param(
            (nic(),),
            WHERE,
            "network vf has no device in the domain",
            ("ua-sriov-vf", "an interface that is a VF", "Give the VM such an SR-IOV interface"),
            id="no VF",
        ),
        pytest.param(
            (nic(), vf("ua-vf", tag="interface type='bridge'")),
            WHERE,
            "network vf has no device in the domain",
            (),
            id="an interface that is no VF",
        ),
        pytest.param(
            (vf(),),
            WHERE,
            "network standby has no interface in the domain",
            ("expected an <interface> with alias ua-standby",),
            id="no NIC",
        ),
        pytest.param(
            (nic(model="e1000e"), vf()),
            WHERE,
            "interface standby cannot be the persistent half of a team",
            ("found type 'bridge', model 'e1000e'", "Set its model to virtio."),
            id="no virtio",
        ),
        pytest.param(
            (nic(model="virtio-transitional"), vf()),
            WHERE,
            "interface standby cannot be the persistent half of a team",
            (),
            id="transitional",
        ),
        pytest.param(
            (nic(type="hostdev"), vf()),
            WHERE,
            "interface standby cannot be the persistent half of a team",
            ("found type 'hostdev'",),
            id="a VF itself",
        ),
        pytest.param(
            (nic(mac=""), vf()),
            WHERE,
            "interface standby has no MAC address in the domain",
            ("Set macAddress of interface standby.",),
            id="no MAC",
        ),
        pytest.param(
            (nic(mac=OTHER), vf()),
            WHERE,
            "the halves of a team have different MAC addresses",
            (f"found vf {MAC}, standby {OTHER}", "expected one MAC address on both"),
            id="two MACs",
        ),
        pytest.param(
            (nic(), vf("ua-vf", f"<mac address='{OTHER}'/>", IS_VF)),
            WHERE,
            "the halves of a team have different MAC addresses",
            (f"found vf {OTHER}, standby {MAC}",),
            id="two MACs in the domain",
        ),
        pytest.param(
            (nic(mac="zz"), vf()),
            f"{WHERE}, <interface> with alias ua-standby, <mac>",
            "not a MAC address",
            ("found 'zz'",),
            id="no such MAC",
        ),
        pytest.param(
            (nic(), vf("ua-vf", "<mac address='01:00:00:00:00:00'/>", IS_VF)),
            f"{WHERE}, <interface> with alias ua-vf, <mac>",
            "a multicast MAC address cannot belong to an interface",
            (),
            id="a multicast MAC",
        ),
        pytest.param(
            (nic(), vf(more="<teaming type='transient' persistent='ua-other'/>")),
            f"{WHERE}, <hostdev> with alias ua-sriov-vf",
            "the domain teams this device otherwise",
            ("'persistent': 'ua-other'",),
            id="teamed with another",
        ),
        pytest.param(
            (nic(more="<teaming type='transient' persistent='ua-x'/>"), vf()),
            f"{WHERE}, <interface> with alias ua-standby",
            "the domain teams this device otherwise",
            ("expected {'type': 'persistent'}",),
            id="the other half",
        ),
    ],
)
def test_refuses(devices: tuple[str, ...], where: str, what: str, parts: tuple[str, ...]) -> None:
    error = refusal(RequestError, team, *devices)
    assert (error.where, error.what) == (where, what)
    assert [part for part in parts if part not in str(error)] == []


def test_a_hostdev_needs_a_known_mac() -> None:
    request = Request(networks=(Network("vf", sriov=True),), teaming=(PAIR,))
    error = refusal(RequestError, team, nic(), vf(), request=request)
    assert str(error) == (
        f"{WHERE}: vf has no MAC address of its own; expected macAddress {MAC}, as standby has. "
        "A plain hostdev's MAC address is set through its PF before the VM starts."
    )


HOST_DEVICE = Request(
    networks=(Network("standby"),), teaming=(PAIR,), host_device_names=frozenset({"vf", "other"})
)


def test_a_host_device_has_a_mac_that_nobody_knows() -> None:
    domain, _ = team(nic(), vf("ua-hostdevice-vf"), request=HOST_DEVICE)
    assert teamings(domain)[1] == ("hostdev", TRANSIENT)
    (note,) = note_host_devices(HOST_DEVICE)
    assert note == (
        "host device vf teams with standby: the VF must have the MAC address of standby, set "
        "through its physical function on the node"
    )
    assert note_host_devices(REQUEST) == ()


@pytest.mark.parametrize("kind", ["usb", "mdev"])
def test_a_host_device_of_another_kind_is_no_vf(kind: str) -> None:
    device = vf("ua-hostdevice-vf", tag=f"hostdev type='{kind}'")
    error = refusal(RequestError, team, nic(), device, request=HOST_DEVICE)
    assert str(error) == (
        f"{WHERE}, <hostdev> with alias ua-hostdevice-vf: host device vf is no VF; found a hostdev "
        f"of type '{kind}'; expected a PCI device"
    )


@pytest.mark.parametrize(
    "alias", ["ua-gpu-vf", "ua-dra-gpu-vf", "hostdevice-vf", "ua-hostdevice-v"]
)
def test_other_hostdevs_are_not_meant(alias: str) -> None:
    refusal(RequestError, team, nic(), vf(alias), request=HOST_DEVICE)
