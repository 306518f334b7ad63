# SPDX-License-Identifier: Apache-2.0
"""Transitional NICs plug into the slots that the first call counts, and into no root port."""

import json
from pathlib import Path

import pytest

from sidecar.demo.launcher import boot
from sidecar.demo.plug import NIC, running
from sidecar.domainxml.kubevirt import replay
from sidecar.errors import HostError, RequestError
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.virt.connection import Libvirt, RunningDomain
from tests.support import RECORDINGS

CASE = RECORDINGS / "trans"
SLOTS = 24
"""As many as KubeVirt's own code was seen to plug into this VM."""


def asking(total: int) -> bytes:
    vmi = json.loads((CASE / "pass1-vmi.json").read_bytes())
    vmi["metadata"]["annotations"]["portside.io/interfaces"] = str(total)
    return json.dumps(vmi).encode()


def fill(guest: RunningDomain) -> int:
    nic = NIC.replace(b"'virtio'", b"'virtio-transitional'")
    attached = 0
    while True:
        try:
            guest.attach(nic)
        except HostError:
            return attached
        attached += 1


def test_what_the_bridge_holds_is_what_plugs(libvirt: Libvirt, folder: Path) -> None:
    def hook(vmi: bytes, domain: bytes) -> bytes:
        return define_domain(vmi, domain, Settings()).mutation.domain

    first = replay.drop_placeholders((CASE / "pass1-to-hook.xml").read_bytes())
    calls = boot(asking(SLOTS + 1), first, hook, libvirt.define_and_dump)
    with running(libvirt, calls[-1].defined, folder) as guest:
        assert fill(guest) == SLOTS
    with pytest.raises(RequestError, match=f"found {SLOTS} free slots; expected at least 25"):
        boot(asking(SLOTS + 2), first, hook, libvirt.define_and_dump)
