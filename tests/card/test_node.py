# SPDX-License-Identifier: Apache-2.0
"""``portside node`` on a real card, kernel and libvirt: pools that come back, VFs made ready."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from tests.card.card import FORK, Card
from tests.card.guests import must
from tests.card.sysfs import DEVICES, FIRST, bind_vfio, interfaces, make_vfs, read, shell

pytestmark = [pytest.mark.card, pytest.mark.timeout(900)]

GUEST = "/project/tests/card/guest"
SOCKET = "/run/portside-node.sock"
PATIENCE = 240.0
"""Seconds: the whole agent is imported by an emulated processor, beside other tests' VMs."""
MAC = "52:54:00:00:00:21"
XML = (
    "<network><name>kept</name><forward mode='hostdev' managed='yes'>"
    "<pf dev='{pf}'><vf num='3'/></pf></forward></network>"
)
FORGET = "virsh -q net-destroy kept; virsh -q net-undefine kept; rm -rf /var/lib/portside"


@pytest.fixture
def pf_name(card: Card, libvirt: None) -> Iterator[str]:
    """The PF's interface, without VFs; no pool before and after."""
    del libvirt
    card.attempt("sh", "-c", FORGET)
    make_vfs(card, FIRST, 0)
    (name,) = interfaces(card, FIRST)
    yield name
    card.attempt("sh", "-c", FORGET)


def agent(card: Card, *arguments: str) -> AbstractContextManager[None]:
    """Run the agent; it serves once the socket is there."""
    command = f"exec python3 -m sidecar.cli node --socket {SOCKET} {' '.join(arguments)} 2>&1"
    return card.holding("sh", "-c", command, seconds=PATIENCE)


def wait_for_pool(card: Card) -> None:
    """Wait for three VFs and an active network."""
    deadline = time.monotonic() + PATIENCE / 2
    while read(card, FIRST, "sriov_numvfs") != "3" or "kept" not in card.run(
        "virsh", "-q", "net-list"
    ):
        assert time.monotonic() < deadline, "the pool does not return"
        time.sleep(0.5)


def wait_until_closed(card: Card, vf: str) -> None:
    """Wait until the kernel has taken a VF from a process that was killed."""
    deadline = time.monotonic() + PATIENCE
    while read(card, vf, "enable") != "0":
        assert time.monotonic() < deadline, "the VF stays open"
        time.sleep(0.1)


def call(card: Card, point: str, vmi: dict[str, object]) -> str:
    shell(card, f"for i in $(seq 500); do [ -S {SOCKET} ] && exit; sleep 0.1; done; exit 1")
    command = (*FORK, f"{GUEST}/call_node.py", SOCKET, point, json.dumps(vmi))
    return card.attempt(*command, seconds=PATIENCE).stdout.strip()


def vmi(name: str, address: str) -> dict[str, object]:
    entry = {"name": "fast", "address": address, "mac": MAC, "vlan": {"id": 100}}
    annotations = {"portside.io/vfs": json.dumps([entry])}
    metadata = {"namespace": "n", "name": name, "uid": name, "annotations": annotations}
    return {"metadata": metadata}


def line_of_vf(card: Card, pf_name: str, index: int) -> str:
    lines = card.run("ip", "link", "show", "dev", pf_name).splitlines()
    (line,) = [line for line in lines if line.strip().startswith(f"vf {index} ")]
    return line


def test_a_pool_is_made_and_comes_back_when_its_vfs_are_taken_away(
    card: Card, pf_name: str
) -> None:
    shell(card, 'printf %s "$1" >/tmp/kept.xml', XML.format(pf=pf_name))
    must(card, "portside pool define /tmp/kept.xml", "portside pool autostart kept")
    with agent(card, "--interval", "3600"):
        wait_for_pool(card)
        # Within the hour only the kernel's events can tell it; the network goes on all the time.
        shell(card, f"echo 0 >{DEVICES}/{FIRST}/sriov_numvfs")
        wait_for_pool(card)


def test_a_vf_is_set_before_the_start_and_cleared_after_the_stop(card: Card, pf_name: str) -> None:
    vf, _ = make_vfs(card, FIRST, 2)
    bind_vfio(card, vf)
    with agent(card, "--connect", "none"):
        for _ in range(2):
            assert call(card, "PreVMStart", vmi("one", vf)) == "OK"
        assert MAC in line_of_vf(card, pf_name, 0)
        assert "vlan 100" in line_of_vf(card, pf_name, 0)
        refused = call(card, "PreVMStart", vmi("two", vf))
        assert refused.startswith("RESOURCE_EXHAUSTED: ")
        assert "belongs to vmi n/one" in refused
        with card.holding("python3", f"{GUEST}/hold_vfio.py", vf):
            assert call(card, "PreVMStart", vmi("one", vf)) == "OK"
            assert "still open" in call(card, "PostVMStop", vmi("one", vf))
            assert "vlan 100" in line_of_vf(card, pf_name, 0)
        wait_until_closed(card, vf)
        for _ in range(2):
            assert call(card, "PostVMStop", vmi("one", vf)) == "OK"
        assert "vlan" not in line_of_vf(card, pf_name, 0)
        assert MAC not in line_of_vf(card, pf_name, 0)


def test_a_vf_that_somebody_holds_is_not_given_to_a_vm(card: Card, pf_name: str) -> None:
    vf, _ = make_vfs(card, FIRST, 2)
    bind_vfio(card, vf)
    with agent(card), card.holding("python3", f"{GUEST}/hold_vfio.py", vf):
        refused = call(card, "PreVMStart", vmi("one", vf))
    assert refused.startswith("RESOURCE_EXHAUSTED: ")
    assert "is in use by python3" in refused
    assert MAC not in line_of_vf(card, pf_name, 0)
