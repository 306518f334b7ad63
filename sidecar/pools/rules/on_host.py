# SPDX-License-Identifier: Apache-2.0
"""VFs that the host itself has brought up, which nobody may take, and how to keep it from that.

Network managers configure each interface that appears, so also those of new VFs:
NetworkManager.conf(5) and nm-settings(5), systemd.network(5), and of the kernel
``Documentation/ABI/testing/sysfs-bus-pci`` (``sriov_drivers_autoprobe``).
"""

from collections.abc import Iterable

from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, VirtualFunction


def interfaces_up(vfs: Iterable[VirtualFunction]) -> tuple[str, ...]:
    """Return the names of the VFs' interfaces that are up on the host."""
    return tuple(
        one.name
        for vf in vfs
        for one in (() if vf.interfaces is UNKNOWN else vf.interfaces)
        if one.up is True
    )


def keep_unmanaged(pf: PciAddress, names: tuple[str, ...]) -> str:
    """Say how to give VFs back to the pool that the host's network manager has brought up.

    Args:
        pf: the VFs' PF.
        names: of the interfaces that are up.
    """
    return (
        "If the host's network manager did that, leave the VFs unmanaged. NetworkManager: "
        f"[keyfile] unmanaged-devices=interface-name:{';interface-name:'.join(names)} in "
        '/etc/NetworkManager/conf.d, or ENV{NM_UNMANAGED}="1" in a udev rule; systemd-networkd: '
        "[Link] Unmanaged=yes in a .network file that matches them; or let the host bind no driver "
        f"to new VFs: echo 0 > /sys/bus/pci/devices/{pf}/sriov_drivers_autoprobe. Then, for each: "
        f"ip link set {names[0]} down"
    )
