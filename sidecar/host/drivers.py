# SPDX-License-Identifier: Apache-2.0
"""What is peculiar about PF drivers: data, for people to read.

From the drivers' ``sriov_configure`` in Linux 6.12. Only igb's was seen at work, on a card
that QEMU emulates. A driver that is not here has no hint.
"""

from collections.abc import Mapping
from typing import Final

HINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "igb": ("igb makes at most 7 VFs a port and refuses more (EPERM).",),
    "ixgbe": (
        (
            "ixgbe makes at most 63 VFs a port, although sriov_totalvfs says 64, and at most 31 "
            "or 15 with traffic classes (EPERM above)."
        ),
    ),
    "i40e": (
        (
            "i40e has a limit of its own below sriov_totalvfs (EPERM above) and may ask to try "
            "again (EAGAIN)."
        ),
    ),
    "ice": (
        (
            "ice makes no VFs in safe mode or above its own limit (EOPNOTSUPP), and may be busy "
            "(EBUSY)."
        ),
        "ice takes a change of the eswitch mode only while there are no VFs.",
    ),
    "mlx4_core": (
        (
            "mlx4_core cannot make VFs through sysfs (ENOENT): its module parameter num_vfs "
            "does, when it is loaded."
        ),
    ),
    "mlx5_core": (
        (
            "mlx5_core makes VFs only as the card's firmware allows (SRIOV_EN and NUM_OF_VFS of "
            "mlxconfig)."
        ),
        "For switchdev: legacy mode, make the VFs, unbind them, then switchdev.",
    ),
    "bnxt_en": (
        (
            "bnxt_en makes no VFs while the PF is down, without an error, or fewer than asked: "
            "count them."
        ),
    ),
    "bnx2x": (
        (
            "bnx2x refuses while the PF is down (EINVAL), and makes fewer VFs than asked "
            "without an error: count them."
        ),
    ),
    "qede": ("qede makes at most as many VFs as its firmware has ports less one (EINVAL above).",),
    "nfp": ("nfp lowers sriov_totalvfs to what its firmware allows.",),
    "enic": ("enic cannot make VFs through sysfs (ENOENT).",),
    "vfio-pci": ("vfio-pci makes VFs of a PF only with its parameter enable_sriov=1 (ENOENT).",),
}


def hints_for(driver: str) -> tuple[str, ...]:
    """Return what to know about a PF's driver, nothing for a driver that is not known."""
    return HINTS.get(driver, ())
