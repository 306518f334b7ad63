# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: hold_vfio.py VF. Opens a VF through vfio as QEMU does, and keeps it open.

The ioctls are those of ``linux/vfio.h``: none of them passes more than an int or a string.
"""

import fcntl
import os
import signal
import sys
from pathlib import Path

SET_IOMMU = 0x3B66
GROUP_SET_CONTAINER = 0x3B68
GROUP_GET_DEVICE_FD = 0x3B6A
TYPE1_IOMMU = 1


def main() -> None:
    """Open the container, the group and the device; say so; stay until killed."""
    address = sys.argv[1]
    group_name = Path("/sys/bus/pci/devices", address, "iommu_group").readlink().name
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    group = os.open(f"/dev/vfio/{group_name}", os.O_RDWR)
    fcntl.ioctl(group, GROUP_SET_CONTAINER, container.to_bytes(4, sys.byteorder))
    fcntl.ioctl(container, SET_IOMMU, TYPE1_IOMMU)
    fcntl.ioctl(group, GROUP_GET_DEVICE_FD, address.encode() + b"\0")
    sys.stdout.write("open\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
