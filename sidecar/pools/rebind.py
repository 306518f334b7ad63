# SPDX-License-Identifier: Apache-2.0
"""Has a VF's network driver take its MAC address anew, at the end of a lease."""

import time
from dataclasses import replace
from typing import Final

from sidecar.host.binding import driver_of, restore, unbind
from sidecar.host.macs import read_macs
from sidecar.host.numvfs import WriteHung
from sidecar.host.writer import is_vfio
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.vf import Unknown, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.rules.restore import keeps_mac
from sidecar.state.locked_pf import HeldPf

_PROBE_SECONDS: Final = 2.0
"""Patience with a driver that makes its interface; it takes milliseconds."""
_POLL_SECONDS: Final = 0.02


def bind_anew(node: Node, held: HeldPf, vf: VirtualFunction, mac: MacAddress | None) -> None:
    """Bind a VF to its network driver again, if its interface may have its holder's address.

    libvirt gives a plain hostdev back to that driver while the PF still keeps the guest's
    address for the VF. The interface would have it from then on, beside its guest.

    Args:
        node: the host.
        held: the PF's records, locked.
        vf: the VF, for which the PF keeps another address by now.
        mac: that its holder had, ``None`` for none of ours.

    Raises:
        WriteHung: the kernel does not come back; the PF is in quarantine now.
        HostError: somebody uses the VF, or its driver does not take it.
    """
    if mac is None:
        return
    driver, macs = _wait_for_probe(node, vf.address)
    if not keeps_mac(macs, mac):
        return
    try:
        unbind(node.sysfs, vf.address)
        restore(node.sysfs, vf.address, driver)
    except WriteHung as error:
        _quarantine(node, held, f"binding VF {vf.index} anew: {error.what}, {error.found}")
        raise


def _wait_for_probe(
    node: Node, vf: PciAddress
) -> tuple[str, tuple[tuple[str, MacAddress | Unknown], ...]]:
    """Return a VF's driver, and its interfaces' MAC addresses, once the driver made them.

    libvirt may bind the VF in this very moment. A driver that begins now reads what the PF keeps
    now; one that has begun may have read what it kept before, and shows no interface yet.
    """
    deadline = time.monotonic() + _PROBE_SECONDS
    while True:
        driver, macs = driver_of(node.sysfs, vf), read_macs(node.sysfs, vf)
        if macs or not driver or is_vfio(driver) or time.monotonic() >= deadline:
            return driver, macs
        time.sleep(_POLL_SECONDS)


def _quarantine(node: Node, held: HeldPf, reason: str) -> None:
    record, boot = held.record(), node.boot
    made = record.made if record.boot == boot else 0
    held.write_record(replace(record, made=made, boot=boot, quarantine=reason))
