# SPDX-License-Identifier: Apache-2.0
"""A PF whose lock is held: the only place where its records change."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sidecar.errors import HostError, InternalError
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.pool import PfRecord
from sidecar.model.settings import VfSettings
from sidecar.model.vf import MAX_FUNCTIONS
from sidecar.state import lease_states
from sidecar.state.lease_states import format_time
from sidecar.state.pf_files import Shelf, vf_file


class HeldPf:
    """The records of a PF, for as long as its lock is held.

    Every change is on the disk when its method returns. All methods raise ``HostError`` for
    what the disk refuses: then the old record holds, or the new one and a power cut may bring
    back the old; ``leases`` and ``record`` say what is there.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._file = shelf.pf_file()
        self._leases = shelf.leases()

    def recover(self, now: datetime) -> None:
        """Mark for inspection what was cut short, damaged or taken away.

        A damaged file is kept under another name. The generation that it had is not known;
        the new one is the time in microseconds, which no count of leases can have reached.
        """
        time = format_time(now)
        for index, lease in list(self._leases.items()):
            # What was written has a time; this was only read to be so.
            if lease.state is LeaseState.INSPECT and not lease.time:
                reason = lease.reason
                if self._shelf.damaged(index):
                    reason += f"; kept as {self._shelf.folder.keep_aside(vf_file(index))}"
                self._write(
                    replace(
                        lease, generation=int(now.timestamp() * 1_000_000), time=time, reason=reason
                    )
                )
            elif (recovered := lease_states.recover(lease, time)) is not lease:
                self._write(recovered)

    def leases(self) -> Mapping[int, Lease]:
        """Return the leases by the VF's number, also of VFs that are not there now."""
        return dict(self._leases)

    def record(self) -> PfRecord:
        """Return the PF's record."""
        return self._file.record

    def write_record(self, record: PfRecord) -> None:
        """Write the PF's record.

        Raises:
            InternalError: it is another PF's.
        """
        if record.pf != self._shelf.pf:
            raise InternalError(
                "the record of another PF", found=str(record.pf), expected=str(self._shelf.pf)
            )
        file = replace(self._file, record=record)
        try:
            self._shelf.write_pf(file)
        except HostError:
            self._file = self._shelf.pf_file()  # as in _write
            raise
        self._file = file

    def take(
        self, index: int, holder: Holder, settings: VfSettings, pool: str, now: datetime
    ) -> Lease:
        """Record the intent to give a VF to a holder; ``confirm`` follows when it is done.

        A holder that has the VF already gets the lease that it has, settings unchanged.

        Args:
            index: the VF's number.
            holder: who is to have it.
            settings: to be set through the PF, and again when the VFs are made anew.
            pool: that it is taken from, empty for none.
            now: the time.

        Raises:
            CapacityError: somebody else has it, or it is to be inspected.
            InternalError: no VF can have this number.
        """
        present = self._present(index)
        lease = lease_states.take(present, holder, settings, pool, format_time(now))
        if lease is not present:
            self._write(lease)
        return lease

    def confirm(self, lease: Lease, now: datetime) -> Lease:
        """Record that the holder has the VF; a lease that is confirmed stays as it is.

        Raises:
            RequestError: the lease is over.
            InternalError: it is not being taken.
        """
        present = self._present(lease.index)
        lease_states.check_generation(present, lease.generation)
        if present.state is LeaseState.LEASED:
            return present
        return self._write(lease_states.step(present, LeaseState.LEASED, format_time(now)))

    def begin_return(self, lease: Lease, generation: int, now: datetime) -> Lease:
        """Record the intent to take a VF back; ``finish_return`` follows when it is done.

        Args:
            lease: that ends.
            generation: that the one who returns it was given.
            now: the time.

        Raises:
            RequestError: the generation is not the present one.
            InternalError: nobody has the VF.
        """
        present = self._present(lease.index)
        lease_states.check_generation(present, generation)
        return self._write(lease_states.step(present, LeaseState.RETURNING, format_time(now)))

    def finish_return(self, lease: Lease, now: datetime) -> Lease:
        """Record that the VF is free.

        Raises:
            RequestError: the lease is over.
            InternalError: it is not being returned.
        """
        present = self._present(lease.index)
        lease_states.check_generation(present, lease.generation)
        if present.state is not LeaseState.RETURNING:
            raise InternalError(
                "the end of a return that was not started",
                where=lease_states.name(present),
                found=lease_states.describe(present),
            )
        return self._write(lease_states.step(present, LeaseState.FREE, format_time(now)))

    def mark(self, index: int, reason: str, now: datetime) -> Lease:
        """Mark a VF for inspection, whatever it is; a holder stays on record."""
        time = format_time(now)
        present = self._present(index)
        return self._write(lease_states.step(present, LeaseState.INSPECT, time, reason=reason))

    def clear(self, index: int, now: datetime) -> Lease:
        """Free a VF that was to be inspected: the caller has the evidence that nobody has it.

        Raises:
            InternalError: it is not to be inspected.
        """
        present = self._present(index)
        if present.state is not LeaseState.INSPECT:
            raise InternalError(
                "only a lease that needs inspection can be cleared",
                where=lease_states.name(present),
                found=lease_states.describe(present),
            )
        return self._write(lease_states.step(present, LeaseState.FREE, format_time(now)))

    def _present(self, index: int) -> Lease:
        if not 0 <= index <= MAX_FUNCTIONS:
            raise InternalError(
                "a VF's number is out of range",
                found=str(index),
                expected=f"0 to {MAX_FUNCTIONS}",
            )
        return self._leases.get(index) or Lease(self._shelf.pf, index)

    def _write(self, lease: Lease) -> Lease:
        try:
            self._file = self._shelf.write_lease(lease, self._file)
        except HostError:
            # The rename may have happened and its fsync failed: only the disk knows.
            self._reload(lease.index)
            self._file = self._shelf.pf_file()
            raise
        self._leases[lease.index] = lease
        return lease

    def _reload(self, index: int) -> None:
        lease = self._shelf.lease(index)
        if lease is not None:
            self._leases[index] = lease
