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
            ("igb creates at most 7 VFs per port and refuses more (EPERM).",),
            limit=7,
            errnos={errno.EPERM: "igb creates at most 7 VFs per port, and none without MSI-X."},
        ),
        Driver("igbvf", ("igbvf is a VF driver: it creates no VFs.",), configures=False),
        Driver(
            "ixgbe",
            (
                (
                    "ixgbe creates at most 63 VFs per port, although sriov_totalvfs is 64, and "
                    "at most 31 or 15 with traffic classes (more: EPERM)."
                ),
            ),
            limit=63,
        ),
        Driver(
            "i40e",
            (
                (
                    "i40e has its own limit below sriov_totalvfs (more: EPERM) and may ask for a "
                    "retry (EAGAIN)."
                ),
            ),
            errnos={
                errno.EPERM: "i40e has fewer VFs available than sriov_totalvfs.",
                errno.EAGAIN: "i40e is resetting: it accepts the number in a few seconds.",
            },
        ),
        Driver(
            "ice",
            (
                (
                    "ice creates no VFs in safe mode or above its own limit (EOPNOTSUPP), and "
                    "may be busy (EBUSY)."
                ),
                "ice allows a change of the eswitch mode only while there are no VFs.",
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
                    "mlx4_core cannot create VFs through sysfs (ENOENT): use its module "
                    "parameter num_vfs at load time."
                ),
            ),
            configures=False,
        ),
        Driver(
            "mlx5_core",
            (
                (
                    "mlx5_core creates VFs only as the card's firmware allows (SRIOV_EN and "
                    "NUM_OF_VFS in mlxconfig or mstconfig); a change takes a reboot of the host."
                ),
                (
                    "For switchdev with mlx5_core: in legacy mode, create the VFs and unbind "
                    "them, then change to switchdev."
                ),
            ),
        ),
        Driver(
            "bnxt_en",
            (
                (
                    "bnxt_en creates no VFs while the PF is down, and may create fewer than "
                    "requested, both without an error: count them."
                ),
            ),
            needs_pf_up=True,
            may_make_fewer=True,
        ),
        Driver(
            "bnx2x",
            (
                (
                    "bnx2x refuses while the PF is down (EINVAL), and may create fewer VFs than "
                    "requested without an error: count them."
                ),
            ),
            needs_pf_up=True,
            may_make_fewer=True,
            errnos={errno.EINVAL: "bnx2x creates VFs only while the PF's interface is up."},
        ),
        Driver(
            "qede",
            ("qede creates at most one VF fewer than its firmware has ports (more: EINVAL).",),
        ),
        Driver("nfp", ("nfp lowers sriov_totalvfs to what its firmware allows.",)),
        Driver(
            "sfc", ("sfc creates VFs only as configured in the card's firmware (sfboot vf-count).",)
        ),
        Driver("enic", ("enic cannot create VFs through sysfs (ENOENT).",), configures=False),
        Driver(
            "vfio-pci",
            ("vfio-pci creates VFs of a PF only with its parameter enable_sriov=1 (else ENOENT).",),
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
