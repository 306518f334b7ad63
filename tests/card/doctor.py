# SPDX-License-Identifier: Apache-2.0
"""The doctor in the card's VM, and domains and networks to plant faults in."""

import json
from dataclasses import dataclass
from typing import Any

from tests.card.card import PORTSIDE, Card
from tests.card.sysfs import shell

HOLD = "/project/tests/card/guest/hold_vfio.py"
POOL = "doctor-pool"
SECONDS = 180.0
"""For a command of Python's, which takes seconds there, and a minute on a busy machine."""
NETWORK = """\
<network>
  <name>{name}</name>
  <forward mode='hostdev' managed='yes'>
    <pf dev='{pf}'>{more}</pf>
  </forward>
</network>
"""
WRITE = 'cat >"$1" <<END\n$2\nEND\n'
NIC = f"<interface type='network'><source network='{POOL}'/><model type='virtio'/></interface>"
PORT = "<controller type='pci' index='{}' model='pcie-root-port'/>"
# So that one port is left when the interfaces have theirs.
ROOM = "".join(PORT.format(index) for index in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the doctor said: its exit code, and what is not fine by its code."""

    code: int | str
    found: dict[str, dict[str, Any]]

    def fails(self, code: str) -> dict[str, Any]:
        """Return a finding, which must be one that fails."""
        assert self.code == 1
        assert self.found[code]["level"] == "fails", self.found[code]
        return self.found[code]


def ask(card: Card, *arguments: str) -> Answer:
    done = card.attempt(*PORTSIDE, "doctor", "-o", "json", *arguments, seconds=SECONDS)
    assert done.code in {0, 1}, done
    findings = json.loads(done.stdout)["findings"]
    return Answer(done.code, {one["code"]: one for one in findings if one["level"] != "ok"})


def domain(name: str, *devices: str) -> str:
    return (
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<devices>{''.join(devices)}<controller type='usb' model='none'/>"
        "<memballoon model='none'/></devices></domain>"
    )


def hostdev(address: str, managed: str = "yes") -> str:
    pci, slot = address.rsplit(":", 1)
    bus, (slot, function) = pci.split(":")[1], slot.split(".")
    return (
        f"<hostdev mode='subsystem' type='pci' managed='{managed}'><source><address domain='0' "
        f"bus='0x{bus}' slot='0x{slot}' function='{function}'/></source></hostdev>"
    )


def write(card: Card, name: str, *devices: str) -> str:
    """Put a domain into a file in the VM; return its path."""
    path = f"/tmp/{name}.xml"  # noqa: S108 -- in the card's VM, which is the test's own
    shell(card, WRITE, path, domain(name, *devices))
    return path


def refusal(card: Card, path: str) -> str:
    """Start a domain, which libvirt must refuse; return its words."""
    done = card.attempt("virsh", "-q", "create", "--paused", path)
    assert done.code != 0, "libvirt started it"
    return done.stderr


def forget(card: Card) -> None:
    """Leave no pool or record behind, whatever a test did."""
    for command in ("net-destroy", "net-undefine"):
        card.attempt("virsh", "-q", command, POOL)
    card.run("rm", "-rf", "/var/lib/portside")
