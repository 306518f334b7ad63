# SPDX-License-Identifier: Apache-2.0
"""Whether a VF's settings may be changed."""

from sidecar.errors import CapacityError, RequestError
from sidecar.model.availability import Assessment
from sidecar.model.settings import VfSettings


def check_settable(
    where: str, assessment: Assessment, settings: VfSettings, *, force: bool
) -> None:
    """Let pass what may be set for a VF: all if it is free, all but the MAC address with force.

    Args:
        where: the VF, for errors.
        assessment: of the VF.
        settings: to be set.
        force: also if the VF is not free.

    Raises:
        RequestError: the MAC address of a VF that is not free, with ``force``.
        CapacityError: the VF is not free.
    """
    if assessment.free:
        return
    users = ", ".join(assessment.users)
    if not force:
        raise CapacityError(
            f"the VF {assessment.state}; not changing its settings",
            where=where,
            found=f"{users}: {assessment.why}" if users else assessment.why,
            todo="Stop its user first; --force changes all settings except the MAC address",
        )
    if settings.mac is not None:
        raise RequestError(
            "the MAC address of a VF in use cannot be changed, even with --force",
            where=where,
            found=users or assessment.why,
            todo="Stop its user first, or leave --mac out",
        )
