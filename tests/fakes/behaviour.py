# SPDX-License-Identifier: Apache-2.0
"""How PF drivers answer when VFs are asked of them: data for the fake kernel."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A PF driver's ``sriov_configure``.

    Attributes:
        configures: whether it has one at all.
        totalvfs: what it lowers ``sriov_totalvfs`` to.
        limit: above it, it answers ``above``, an errno.
        refuses: errno for every number but 0; 0 for none.
        if_down: what it answers while the PF is down: an errno, 0 for yes without making any
            VF, ``None`` if it does not care.
        makes_at_most: it says yes to more, and makes that many.
        late: seconds after which the kernel has made the VFs that it says there are.
        vf_driver: what binds to its VFs.
    """

    configures: bool = True
    totalvfs: int | None = None
    limit: int | None = None
    above: int = errno.EPERM
    refuses: int = 0
    if_down: int | None = None
    makes_at_most: int | None = None
    late: float = 0.0
    vf_driver: str = "igbvf"

    def answer(self, asked: int, *, up: bool) -> int:
        """Return how many VFs it makes, or a negative errno."""
        if self.refuses:
            return -self.refuses
        if self.if_down is not None and not up:
            return -self.if_down
        if self.limit is not None and asked > self.limit:
            return -self.above
        return asked if self.makes_at_most is None else min(asked, self.makes_at_most)


BEHAVIOURS: Final[Mapping[str, Behaviour]] = MappingProxyType(
    {
        "igb": Behaviour(totalvfs=7, limit=7),
        "ixgbe": Behaviour(limit=63, vf_driver="ixgbevf"),
        "i40e": Behaviour(limit=32, vf_driver="iavf"),
        "ice": Behaviour(limit=64, above=errno.EOPNOTSUPP, vf_driver="iavf"),
        "bnxt_en": Behaviour(if_down=0, vf_driver="bnxt_en"),
        "bnx2x": Behaviour(if_down=errno.EINVAL, makes_at_most=16, vf_driver="bnx2x"),
        "qede": Behaviour(limit=16, above=errno.EINVAL, vf_driver="qede"),
        "mlx4_core": Behaviour(configures=False, vf_driver="mlx4_core"),
        "enic": Behaviour(configures=False, vf_driver="enic"),
        "vfio-pci": Behaviour(configures=False),
    }
)
