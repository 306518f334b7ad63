# SPDX-License-Identifier: Apache-2.0
"""What is peculiar about PF drivers: data.

From the drivers' ``sriov_configure`` in Linux 6.12. Only igb's was seen at work, on a card
that QEMU emulates. A driver that is not here goes the generic path: the kernel's errno as it
is, and the links of VFs counted.
"""

import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_NOTHING: Final[Mapping[int, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Driver:
    """A PF's driver, as far as it is known.

    Args:
        name: as sysfs has it.
        hints: what to know before asking it for VFs, in sentences.
        limit: VFs that it makes at most, where ``sriov_totalvfs`` may say more.
        configures: whether VFs can be made through sysfs at all (``sriov_configure``).
        needs_pf_up: whether the PF's interface must be administratively up.
        may_make_fewer: whether it may say yes and make fewer VFs than asked, or none.
        errnos: by errno, what this driver means by it, in one sentence.
    """

    name: str
    hints: tuple[str, ...] = ()
    limit: int | None = None
    configures: bool = True
    needs_pf_up: bool = False
    may_make_fewer: bool = False
    errnos: Mapping[int, str] = field(default_factory=lambda: _NOTHING)


def _index(drivers: Iterable[Driver]) -> Mapping[str, Driver]:
    return MappingProxyType({driver.name: driver for driver in drivers})


DRIVERS: Final = _index(
    (
        Driver(
            "igb",
            ("igb makes at most 7 VFs a port and refuses more (EPERM).",),
            limit=7,
            errnos={errno.EPERM: "igb makes at most 7 VFs a port, and none without MSI-X."},
        ),
        Driver("igbvf", ("igbvf is a driver of VFs: it makes none.",), configures=False),
        Driver(
            "ixgbe",
            (
                (
                    "ixgbe makes at most 63 VFs a port, although sriov_totalvfs says 64, and at "
                    "most 31 or 15 with traffic classes (EPERM above)."
                ),
            ),
            limit=63,
        ),
        Driver(
            "i40e",
            (
                (
                    "i40e has a limit of its own below sriov_totalvfs (EPERM above) and may ask to "
                    "try again (EAGAIN)."
                ),
            ),
            errnos={
                errno.EPERM: "i40e has fewer VFs to give than sriov_totalvfs says.",
                errno.EAGAIN: "i40e is resetting: it takes the number in some seconds.",
            },
        ),
        Driver(
            "ice",
            (
                (
                    "ice makes no VFs in safe mode or above its own limit (EOPNOTSUPP), and may be "
                    "busy (EBUSY)."
                ),
                "ice takes a change of the eswitch mode only while there are no VFs.",
            ),
            errnos={
                errno.EOPNOTSUPP: "ice is in safe mode (its DDP package did not load), or "
                "the number is above its own limit.",
                errno.EBUSY: "ice is resetting, or there are VFs already.",
                errno.ENOSPC: "ice has no MSI-X vectors left for VFs: on hosts with many CPUs the "
                "PF and irdma take them all. Unload irdma (modprobe -r irdma, and blacklist it in "
                "/etc/modprobe.d), or let the PF have fewer: devlink dev param set pci/ADDRESS "
                "name msix_vec_per_pf_max value N cmode driverinit, then devlink dev reload "
                "pci/ADDRESS.",
            },
        ),
        Driver(
            "mlx4_core",
            (
                (
                    "mlx4_core cannot make VFs through sysfs (ENOENT): its module parameter "
                    "num_vfs does, when it is loaded."
                ),
            ),
            configures=False,
        ),
        Driver(
            "mlx5_core",
            (
                (
                    "mlx5_core makes VFs only as the card's firmware allows (SRIOV_EN and "
                    "NUM_OF_VFS of mlxconfig, or of mstconfig), which a boot of the host puts "
                    "into force."
                ),
                (
                    "For switchdev with mlx5_core: legacy mode, make the VFs, unbind them, then "
                    "switchdev."
                ),
            ),
        ),
        Driver(
            "bnxt_en",
            (
                (
                    "bnxt_en makes no VFs while the PF is down, without an error, or fewer than "
                    "asked: count them."
                ),
            ),
            needs_pf_up=True,
            may_make_fewer=True,
        ),
        Driver(
            "bnx2x",
            (
                (
                    "bnx2x refuses while the PF is down (EINVAL), and makes fewer VFs than asked "
                    "without an error: count them."
                ),
            ),
            needs_pf_up=True,
            may_make_fewer=True,
            errnos={errno.EINVAL: "bnx2x makes VFs only while the PF's interface is up."},
        ),
        Driver(
            "qede",
            ("qede makes at most as many VFs as its firmware has ports less one (EINVAL above).",),
        ),
        Driver("nfp", ("nfp lowers sriov_totalvfs to what its firmware allows.",)),
        Driver("sfc", ("sfc makes VFs only as the card's firmware is set up (sfboot vf-count).",)),
        Driver("enic", ("enic cannot make VFs through sysfs (ENOENT).",), configures=False),
        Driver(
            "vfio-pci",
            ("vfio-pci makes VFs of a PF only with its parameter enable_sriov=1 (ENOENT).",),
            configures=False,
        ),
    )
)


def driver_named(name: str) -> Driver:
    """Return what is known of a driver; of one that is not known, its name."""
    return DRIVERS.get(name) or Driver(name)


def hints_for(driver: str) -> tuple[str, ...]:
    """Return what to know about a PF's driver, nothing for a driver that is not known."""
    return driver_named(driver).hints
