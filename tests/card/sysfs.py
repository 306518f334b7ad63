# SPDX-License-Identifier: Apache-2.0
"""The card's devices, read and changed through sysfs by the guest's own shell."""

from tests.card.card import Card

FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"
"""The physical functions (PFs)."""
DEVICES = "/sys/bus/pci/devices"

MAKE = """\
set -e
cd $1
echo 0 >sriov_numvfs
ip link set "$(ls net)" up
[ "$2" = 0 ] || echo "$2" >sriov_numvfs
udevadm settle
for link in virtfn*; do [ ! -e "$link" ] || basename "$(readlink "$link")"; done
"""

# https://www.kernel.org/doc/html/v6.12/driver-api/vfio.html, by driver_override.
BIND_VFIO = """\
set -e
modprobe vfio-pci
cd $1
echo vfio-pci >driver_override
[ ! -e driver ] || basename $1 >driver/unbind
basename $1 >/sys/bus/pci/drivers_probe
udevadm settle
"""


def make_vfs(card: Card, pf: str, count: int) -> tuple[str, ...]:
    """Make ``count`` VFs anew; return their addresses in the order of their index."""
    return tuple(shell(card, MAKE, f"{DEVICES}/{pf}", str(count)).split())


def bind_vfio(card: Card, vf: str) -> None:
    """Take a VF from its driver and give it to vfio-pci."""
    shell(card, BIND_VFIO, f"{DEVICES}/{vf}")


def shell(card: Card, script: str, *arguments: str) -> str:
    """Run a script in the guest, which must succeed; return its output."""
    return card.run("sh", "-c", script, "sh", *arguments)


def read(card: Card, address: str, name: str) -> str:
    """Return an attribute's text, without the line's end."""
    return card.run("cat", f"{DEVICES}/{address}/{name}").strip()


def follow(card: Card, address: str, name: str) -> str:
    """Return the last name of what a link points at, empty where there is no link."""
    done = card.attempt("readlink", f"{DEVICES}/{address}/{name}")
    return done.stdout.strip().rpartition("/")[2]


def interfaces(card: Card, address: str) -> list[str]:
    """Return the names of the network interfaces that this network namespace sees."""
    return shell(card, 'ls "$1" 2>/dev/null || true', f"{DEVICES}/{address}/net").split()
