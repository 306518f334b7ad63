# SPDX-License-Identifier: Apache-2.0
"""The hook's log lines: one a call. Never the VMI itself."""

from sidecar.errors import PortsideError
from sidecar.hook.calls import Call
from sidecar.hook.define_domain import Outcome
from sidecar.hook.describe import describe_request
from sidecar.hook.redact import redact
from sidecar.model.ports import PortCount
from sidecar.model.request import VmiIdentity
from sidecar.process.bug import format_traceback
from sidecar.process.grpc_status import status_code, status_details
from sidecar.process.log import JsonLog
from sidecar.vmi.request import parse_identity, parse_request


class CallLog:
    """Writes a line for each call; at level debug the domains too, without their secrets."""

    def __init__(self, log: JsonLog) -> None:
        """Write to ``log``."""
        self._log = log

    def event(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write a line about something that rewrites no domain."""
        self._log.write(level, event, fields)

    def answered(self, call: Call, outcome: Outcome, milliseconds: float) -> None:
        """Write the line of a call that was answered."""
        mutation = outcome.mutation
        changed = mutation.domain != call.domain
        fields: dict[str, object] = {
            **_identity(outcome.request.vmi),
            "asked": describe_request(outcome.request),
            "ports_before": _ports(mutation.before),
            "ports_after": _ports(mutation.after),
            "notes": list(mutation.notes),
            "milliseconds": round(milliseconds, 3),
            "outcome": "changed" if changed else "unchanged",
        }
        self._log.write("info", call.kind, fields)
        self._write_domains(call, mutation.domain)

    def refused(self, call: Call, error: Exception, milliseconds: float) -> None:
        """Write the line of a call that failed."""
        identity, asked = _read_request(call.vmi)
        fields: dict[str, object] = {
            **identity,
            "asked": asked,
            "milliseconds": round(milliseconds, 3),
            "outcome": "refused",
            "code": status_code(error).name,
            "error": status_details(error),
        }
        if not isinstance(error, PortsideError):
            fields["traceback"] = format_traceback(error)
        self._log.write("error", call.kind, fields)
        self._write_domains(call, None)

    def _write_domains(self, call: Call, after: bytes | None) -> None:
        if not self._log.debug:
            return
        fields: dict[str, object] = {"domain_before": redact(call.domain)}
        if after is not None:
            fields["domain_after"] = redact(after)
        self._log.write("debug", f"{call.kind} domain", fields)


def _ports(count: PortCount | None) -> dict[str, object] | None:
    if count is None:
        return None
    return {"family": str(count.family), "total": count.total, "free": count.free}


def _identity(vmi: VmiIdentity) -> dict[str, str]:
    return {"namespace": vmi.namespace, "name": vmi.name, "uid": vmi.uid}


def _read_request(vmi: bytes) -> tuple[dict[str, str], dict[str, object]]:
    """Return whose call it was and what it asked, as far as a refused VMI tells.

    By the bounded parser alone: a VMI that is beyond its bounds has no name here.
    """
    try:
        request = parse_request(vmi)
    except Exception:  # noqa: BLE001 - the call has failed already: this is only its log line
        return _read_identity(vmi), {}
    return _identity(request.vmi), describe_request(request)


def _read_identity(vmi: bytes) -> dict[str, str]:
    try:
        return _identity(parse_identity(vmi))
    except Exception:  # noqa: BLE001 - as above
        return _identity(VmiIdentity())
