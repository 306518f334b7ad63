# SPDX-License-Identifier: Apache-2.0
"""VFs of a VM that KubeVirt would migrate.

KubeVirt takes a VM with our VFs for migratable: it looks at the VMI, not at the domain. Before
a migration it unplugs the hostdevs whose alias begins with ``ua-sriov-``, ours among them, and
plugs in at the target only what the VMI's spec names. So our VFs leave with a migration, and
come back at the VM's next start.
"""

from typing import Final

from sidecar.errors import RequestError
from sidecar.model.request import AttachAs, Request

_MIGRATING: Final = frozenset({"LiveMigrate", "LiveMigrateIfPossible"})


_LEAVES: Final = (
    "A VF of Portside leaves before a live migration and comes back at the next start only"
)
_STAYS: Final = "KubeVirt does not unplug a VF that is an <interface>, so each migration would fail"


def check_eviction(request: Request) -> tuple[str, ...]:
    """Refuse a VM that would lose its only way to a network when its node is drained.

    Returns:
        sentences on what a migration does to the VM.

    Raises:
        RequestError: a VF without team, and a strategy by which KubeVirt migrates the VM.
    """
    teamed = {pair.transient for pair in request.pairs}
    alone = [entry for entry in request.vfs if entry.name not in teamed]
    if alone and request.eviction_strategy in _MIGRATING:
        raise RequestError(
            f"VF {alone[0].name} has no team, and the VM migrates when its node is drained",
            where=alone[0].where,
            found=f"spec.evictionStrategy {request.eviction_strategy}",
            expected="a team for the VF, or evictionStrategy None or External",
            todo=f"{_LEAVES if alone[0].kind is AttachAs.HOSTDEV else _STAYS}. "
            'Add "team" with a virtio network that takes over, or set spec.evictionStrategy to '
            "None (to External where something else moves the VM)",
        )
    leaving = [entry.name for entry in request.vfs if entry.kind is AttachAs.HOSTDEV]
    staying = [entry.name for entry in request.vfs if entry.name not in leaving]
    notes = []
    if leaving:
        names = ", ".join(leaving)
        notes.append(f"a live migration takes the VFs away until the next start: {names}")
    if staying:
        names = ", ".join(staying)
        notes.append(f"VFs that KubeVirt does not unplug before a live migration: {names}")
    return tuple(notes)
