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
    "A guest most likely does not release a VF that is being removed. Find out which (portside "
    "vf list, kernel log), resume or stop that guest, or reboot the host; change nothing else "
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
            "Run as root; repair or move away the file that the message names",
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
            "the kernel does not report its number of VFs: a change of it hangs, and the VFs of "
            "all PFs on this host cannot be changed",
            "",
            (Reading(path, "no answer within the time limit"),),
            _LET_GO,
        )
    elif facts.pf.vfs is not UNKNOWN and facts.answer != len(facts.vfs):
        yield Finding(
            Code.PF_WEDGED,
            Level.WARNING,
            facts.name,
            "its number of VFs is being changed, or a change was interrupted",
            "",
            (Reading(path, str(facts.answer)), Reading("virtfn links", str(len(facts.vfs)))),
            "Check again in a few seconds; if nothing changes, see the kernel log",
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
            "Once the kernel responds again: portside pool recover NAME. A reboot of the host "
            "also ends the quarantine",
        )
    elif facts.record is not None and facts.record.operation:
        yield Finding(
            Code.PF_UNFINISHED,
            Level.WARNING,
            facts.name,
            "an earlier change was not finished",
            "",
            (Reading(f"{_STATE}, record of {facts.pf.address}", facts.record.operation),),
            "portside pool plan NAME shows what is missing; portside pool start NAME completes it",
        )
    for lease in facts.leases:
        if lease.state is LeaseState.INSPECT:
            reason = lease.reason or "no reason given"
            yield Finding(
                Code.VF_INSPECT,
                Level.WARNING,
                f"{facts.name}, VF {lease.index}",
                f"its lease, held by {lease.holder or 'an unknown holder'}, needs inspection, "
                "and the VF cannot be taken until then",
                "",
                (Reading(f"{_STATE}, lease", reason),),
                "See portside lease show; portside lease clear ends the lease if the VF is "
                "proven free",
            )
