# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: change_vfs.py COMMAND ADDRESS [ARGUMENT...]. Prints what came of it.

``bind VF DRIVER``, ``unbind VF``, ``restore VF DRIVER``; ``write PF COUNT VF...`` with the VFs
that must be closed; ``force PF COUNT SECONDS`` without any look, to see what that would do.
"""

import json
import sys
from collections.abc import Callable

from sidecar.errors import HostError
from sidecar.host.binding import bind, restore, unbind
from sidecar.host.blocking import LastLook, write_text
from sidecar.host.groups import no_iommu, shared_with
from sidecar.host.numvfs import count_vfs, read_numvfs, write_and_count
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN

SYSFS = Sysfs()


def write(pf: PciAddress, count: str, *closed: str) -> None:
    """Write the number of VFs as a pool does."""
    write_and_count(SYSFS, pf, int(count), must_be_closed=tuple(map(PciAddress.parse, closed)))


def force(pf: PciAddress, count: str, seconds: str) -> list[object]:
    """Write whoever holds what, and ask the kernel afterwards; wait for neither."""
    path = SYSFS.devices / str(pf) / "sriov_numvfs"
    written = write_text(path, count, float(seconds), LastLook(SYSFS.devices))
    answer = read_numvfs(SYSFS, pf, float(seconds))
    return [written.ending, None if answer is UNKNOWN else answer, count_vfs(SYSFS, pf)]


COMMANDS: dict[str, Callable[..., object]] = {
    "bind": lambda vf, driver: bind(SYSFS, vf, driver),
    "unbind": lambda vf: unbind(SYSFS, vf),
    "restore": lambda vf, driver: restore(SYSFS, vf, driver),
    "groups": lambda vf: [no_iommu(SYSFS), shared_with(SYSFS, vf)],
    "write": write,
    "force": force,
}

command, address, *arguments = sys.argv[1:]
try:
    outcome = COMMANDS[command](PciAddress.parse(address), *arguments)
except HostError as error:
    outcome = f"{type(error).__name__}: {error}"
json.dump(outcome, sys.stdout)
