# SPDX-License-Identifier: Apache-2.0
"""The hook's log: JSON, one line a call, on standard error. Never the VMI itself."""

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import TextIO

import structlog

from sidecar.errors import PortsideError
from sidecar.hook.calls import Call
from sidecar.hook.define_domain import Outcome
from sidecar.hook.redact import redact
from sidecar.model.ports import PortCount
from sidecar.model.request import DeviceTotal, Request, VmiIdentity
from sidecar.process.bug import trail
from sidecar.process.grpc_status import status_code, status_details
from sidecar.vmi.request import parse_request

_MAX_NAME = 253
"""Longest name in Kubernetes."""


class HookLog:
    """Writes the log.

    Args:
        level: one of ``LOG_LEVELS``; ``debug`` adds the domain XML, without its secrets.
        stream: where to write.
    """

    def __init__(self, level: str, stream: TextIO) -> None:
        self._log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(level),
        )

    def event(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write a line about something that rewrites no domain."""
        self._write(level, event, fields)

    def answered(self, call: Call, outcome: Outcome, milliseconds: float) -> None:
        """Write the line of a call that was answered."""
        mutation = outcome.mutation
        changed = mutation.domain != call.domain
        fields = {
            **_identity(outcome.request.vmi),
            "asked": describe_request(outcome.request),
            "ports_before": _ports(mutation.before),
            "ports_after": _ports(mutation.after),
            "notes": list(mutation.notes),
            "milliseconds": round(milliseconds, 3),
            "outcome": "changed" if changed else "unchanged",
        }
        self._write("info", call.kind, fields)
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
            fields["trail"] = trail(error)
        self._write("error", call.kind, fields)
        self._write_domains(call, None)

    def _write_domains(self, call: Call, after: bytes | None) -> None:
        if not self._log.is_enabled_for(logging.DEBUG):
            return
        fields: dict[str, object] = {"domain_before": redact(call.domain)}
        if after is not None:
            fields["domain_after"] = redact(after)
        self._write("debug", f"{call.kind} domain", fields)

    def _write(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        # A log that cannot be written (a closed pipe) is no reason to fail a VM.
        with contextlib.suppress(OSError):
            getattr(self._log, level)(event, **fields)


class ForeignHandler(logging.Handler):
    """Turns lines of the standard library's logging (gRPC's) into JSON lines of ours."""

    def __init__(self, log: HookLog) -> None:
        super().__init__(logging.WARNING)
        self._hook_log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's message; of an exception its class only: texts may quote a VMI."""
        raised = record.exc_info[0] if record.exc_info else None
        self._hook_log.event(
            record.getMessage().partition("\n")[0],
            level="warning",
            logger=record.name,
            exception=raised.__name__ if raised else None,
        )


def describe_request(request: Request) -> dict[str, object]:
    """Return what a VM asks for, as a log shows it: only what is there, no MAC, no path."""
    totals = {
        "interfaces": request.interfaces,
        "disks": request.disks,
        "host_devices": request.host_devices,
    }
    asked: dict[str, object] = {
        name: _total(total) for name, total in totals.items() if total is not None
    }
    if request.max_ports is not None:
        asked["max_ports"] = request.max_ports
    if request.teaming:
        asked["teaming"] = {pair.transient: pair.persistent for pair in request.teaming}
    if request.vfs:
        asked["vfs"] = {
            entry.name: str(entry.address or f"pool {entry.pool}") for entry in request.vfs
        }
    if asked and request.topology_version is not None:
        asked["topology_version"] = request.topology_version
    return asked


def _total(total: DeviceTotal) -> dict[str, int]:
    return {"total": total.total, "defined": total.defined}


def _ports(count: PortCount | None) -> dict[str, object] | None:
    if count is None:
        return None
    return {"family": str(count.family), "total": count.total, "free": count.free}


def _identity(vmi: VmiIdentity) -> dict[str, str]:
    return {"namespace": vmi.namespace, "name": vmi.name, "uid": vmi.uid}


def _read_request(vmi: bytes) -> tuple[dict[str, str], dict[str, object]]:
    """Return whose call it was and what it asked, as far as a refused VMI tells."""
    try:
        request = parse_request(vmi)
    except Exception:  # noqa: BLE001 - the call has failed already: this is only its log line
        return _read_identity(vmi), {}
    return _identity(request.vmi), describe_request(request)


def _read_identity(vmi: bytes) -> dict[str, str]:
    try:
        metadata = json.loads(vmi)["metadata"]
        names = {key: metadata.get(key) for key in ("namespace", "name", "uid")}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return _identity(VmiIdentity())
    return {
        key: value[:_MAX_NAME] if isinstance(value, str) else "" for key, value in names.items()
    }
