# SPDX-License-Identifier: Apache-2.0
"""What hangs or was cut short: the kernel's answers, and our own records."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from sidecar.doctor.rules.facts import HOST, PfFacts
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.model.host_facts import Reading
from sidecar.model.lease import LeaseState
from sidecar.model.vf import UNKNOWN

_STATE: Final = "Portside's state"
_LET_GO: Final = (
    "A guest most likely does not let go of a VF that is being removed: see which (portside vf "
    "list, the kernel's log), resume or end that guest, or boot the host; change nothing else "
    "before"
)


def examine_state(
    pfs: tuple[PfFacts, ...], wanted: AbstractSet[str], error: str
) -> Iterator[Finding]:
    """Say which PFs are wedged or in quarantine, and what was not finished.

    Args:
        pfs: all PFs that the call is about.
        wanted: as ``examine_pfs`` has it.
        error: why our own state cannot be read, empty if it can.
    """
    if error:
        yield Finding(
            Code.STATE_UNREADABLE,
            Level.FAILS,
            HOST,
            "Portside's own records cannot be read, so no VF counts as free",
            error,
            (Reading(_STATE, error),),
            "Run as root; mend or move away the file that the message names",
        )
    for pf in pfs:
        level = Level.FAILS if not wanted or str(pf.pf.address) in wanted else Level.WARNING
        yield from _examine_kernel(pf)
        yield from _examine_records(pf, level)


def _examine_kernel(facts: PfFacts) -> Iterator[Finding]:
    path = f"/sys/bus/pci/devices/{facts.pf.address}/sriov_numvfs"
    if facts.answer is UNKNOWN:
        # One that hangs holds a lock that all PFs need: whichever it is, all fail.
        yield Finding(
            Code.PF_WEDGED,
            Level.FAILS,
            facts.name,
            "the kernel does not tell its number of VFs: a change of it hangs, and the VFs of "
            "no PF of this host can be changed",
            "",
            (Reading(path, "no answer in time"),),
            _LET_GO,
        )
    elif facts.pf.vfs is not UNKNOWN and facts.answer != len(facts.vfs):
        yield Finding(
            Code.PF_WEDGED,
            Level.WARNING,
            facts.name,
            "its number of VFs is being changed, or a change broke off",
            "",
            (Reading(path, str(facts.answer)), Reading("virtfn links", str(len(facts.vfs)))),
            "Ask again in some seconds; if it stays so, look into the kernel's log",
        )


def _examine_records(facts: PfFacts, level: Level) -> Iterator[Finding]:
    if facts.quarantine:
        yield Finding(
            Code.PF_QUARANTINED,
            level,
            facts.name,
            "it is in quarantine: Portside changes nothing on it",
            facts.quarantine,
            (Reading(f"{_STATE}, record of {facts.pf.address}", facts.quarantine),),
            "Once the kernel answers again: portside pool recover NAME. Booting the host ends it "
            "too",
        )
    elif facts.record is not None and facts.record.operation:
        yield Finding(
            Code.PF_UNFINISHED,
            Level.WARNING,
            facts.name,
            "an earlier change was not finished",
            "",
            (Reading(f"{_STATE}, record of {facts.pf.address}", facts.record.operation),),
            "portside pool plan NAME shows what is missing, portside pool start NAME does it",
        )
    for lease in facts.leases:
        if lease.state is LeaseState.INSPECT:
            reason = lease.reason or "no reason given"
            yield Finding(
                Code.VF_INSPECT,
                Level.WARNING,
                f"{facts.name}, VF {lease.index}",
                f"it is kept back for {lease.holder or 'nobody known'} until somebody looked at it",
                "",
                (Reading(f"{_STATE}, lease", reason),),
                "See portside lease show; portside lease clear ends it if nobody has the VF",
            )
