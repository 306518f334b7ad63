# SPDX-License-Identifier: Apache-2.0
import json

import pytest

import sidecar
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, Request
from sidecar.model.settings import PortVlan
from tests.manifests import tree
from tests.manifests.policy import Policy
from tests.manifests.tree import Document
from tests.manifests.vms import instance_of, request_of

NAMES = ["pool", "ports", "ports-plugin", "request", "teaming"]
CHECK = Policy.validating("portside-check-requests")
MOVE = Policy.mutating("portside-move-requests")
REGISTER = Policy.mutating("portside-register-hook")
SIDECARS = "hooks.kubevirt.io/hookSidecars"
IMAGE = f"portside:{sidecar.__version__}"


def example(name: str) -> Document:
    (document,) = tree.load_all(tree.EXAMPLES / f"{name}.yaml")
    assert document["metadata"]["name"] == name
    return dict(document)


def request(name: str) -> Request:
    return request_of(instance_of(example(name)))


def test_these_are_the_examples() -> None:
    files = {path.stem for path in tree.EXAMPLES.glob("*.yaml")}
    assert files - {"kustomization"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_policies_let_it_in_and_change_no_meaning(name: str) -> None:
    document = example(name)
    assert CHECK.applies(document)
    assert CHECK.refusals(document) == []
    instance = instance_of(document)
    admitted = REGISTER.mutate(MOVE.mutate(instance))
    assert CHECK.refusals(admitted) == []
    (registered,) = json.loads(admitted["metadata"]["annotations"][SIDECARS])
    assert registered["image"].split("/")[-1] == IMAGE
    asked, found = request_of(instance), request_of(admitted)
    assert found.free_ports == asked.free_ports
    assert (found.teaming, found.vfs) == (asked.teaming, asked.vfs)


@pytest.mark.parametrize("name", NAMES)
def test_volumes_and_networks_belong_together(name: str) -> None:
    spec = instance_of(example(name))["spec"]
    devices = spec["domain"]["devices"]
    networks = [network["name"] for network in spec["networks"]]
    assert networks == [interface["name"] for interface in devices["interfaces"]]
    volumes = [volume["name"] for volume in spec["volumes"]]
    assert volumes == [disk["name"] for disk in devices["disks"]]


@pytest.mark.parametrize(("name", "free"), [("ports", 7), ("request", 7), ("ports-plugin", 10)])
def test_ports(name: str, free: int) -> None:
    asked = request(name)
    assert asked.interfaces is not None
    assert (asked.interfaces.total, asked.interfaces.defined) == (8, 1)
    assert asked.free_ports == free
    assert asked.max_ports == (40 if name == "ports-plugin" else None)
    assert (asked.teaming, asked.vfs) == ((), ())


def test_ports_registers_the_hook_by_hand_and_the_plugin_does_not() -> None:
    by_hand = example("ports")["spec"]["template"]["metadata"]["annotations"]
    (registered,) = json.loads(by_hand[SIDECARS])
    assert registered["image"].split("/")[-1] == IMAGE
    assert SIDECARS not in example("ports-plugin")["spec"]["template"]["metadata"]["annotations"]


def test_teaming() -> None:
    asked = request("teaming")
    (pair,) = asked.teaming
    assert (pair.transient, pair.persistent) == ("vf", "standby")
    networks = {network.name: network for network in asked.networks}
    assert networks["vf"].sriov
    assert not networks["standby"].sriov
    assert networks["vf"].mac == networks["standby"].mac is not None
    assert asked.free_ports == 0


def test_pool() -> None:
    asked = request("pool")
    (entry,) = asked.vfs
    assert (entry.name, entry.pool, entry.team) == ("data0", "fast", "standby")
    assert entry.address == PciAddress(0, 0x3B, 2, 1)
    assert entry.kind is AttachAs.HOSTDEV
    assert entry.vlan == PortVlan(100)
    assert entry.mac == asked.networks[1].mac is not None
    assert asked.eviction_strategy == "LiveMigrate"
