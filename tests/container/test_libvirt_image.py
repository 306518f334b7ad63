# SPDX-License-Identifier: Apache-2.0
"""The image of the libvirt source: a real libvirt answers in it, without any privilege."""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.hook.define_domain import Settings, define_domain
from tests.container.podman import POD, QEMU_UID, ULIMITS, Podman
from tests.wire.recordings import CALLS, asking, domain_of, name_of, vmi_of

pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]

# libvirt and the QEMU that it asks for its abilities are no matter of 64 MB.
WIDER = tuple(flag for flag in POD if not flag.startswith(("--memory", "--cpus")))
IN_TIME = 20.0
FREE = re.compile(r"(\d+) with (\d+) free after")
# One call in which nothing is placed yet, one with new NICs beside placed devices.
RECORDED = [call for call in CALLS if name_of(call) in {"nic4-pass1", "nic1-pass2"}]


def from_older_kubevirt(vmi: bytes) -> bytes:
    """Take away what promises a later call, to have the ports made in the first one."""
    document = json.loads(vmi)
    document["metadata"].get("annotations", {}).pop("kubevirt.io/pci-topology-version", None)
    return json.dumps(document).encode()


@pytest.mark.parametrize("recorded", RECORDED, ids=name_of)
def test_libvirt_reserves_what_the_planner_reserves(
    podman: Podman, recorded: Path, record_property: Callable[[str, object], None]
) -> None:
    domain = domain_of(recorded)
    vmi = asking(from_older_kubevirt(vmi_of(recorded)), interfaces=12)
    with tempfile.TemporaryDirectory(prefix="ps-") as base:
        os.chown(base, QEMU_UID, QEMU_UID)
        Path(base, "vmi.json").write_bytes(vmi)
        # libvirt's own state; the rest of the image stays read-only.
        places = ("--tmpfs=/tmp", f"--volume={base}:/in:ro")
        run = ("run", "--rm", "--interactive", *WIDER, *ULIMITS, *places, "portside-libvirt")
        mutate = ("mutate", "--source=libvirt", "--vmi=/in/vmi.json", "--domain=-")
        started = time.monotonic()
        done = podman.call(*run, *mutate, given=domain)
        seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr.decode()
    record_property("seconds from podman run to the answer", round(seconds, 1))
    # virt-handler waits 20 s; a process 1 that reaps no QEMU would cost libvirt 40.
    assert seconds < IN_TIME
    counted = FREE.search(done.stderr.decode())
    assert counted, done.stderr.decode()
    planned = define_domain(vmi, domain, Settings()).mutation.after
    assert planned is not None
    assert int(counted[2]) >= planned.free
    # Another libvirt than the planner's may keep one more spare.
    assert abs(int(counted[1]) - planned.total) <= 1
    assert done.stdout.count(b'model="pcie-root-port"') == int(counted[1])
