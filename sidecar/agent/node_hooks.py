# SPDX-License-Identifier: Apache-2.0
"""KubeVirt's node hooks: which point does what, measured and logged. Never the VMI itself."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from sidecar.agent.counters import Tally
from sidecar.agent.node_hook_service import NodeCall
from sidecar.agent.prepare import Preparer
from sidecar.agent.release import give_back
from sidecar.errors import PortsideError
from sidecar.model.request import VmiIdentity
from sidecar.pools.context import Node
from sidecar.pools.rules.availability import Guests
from sidecar.process.bug import format_traceback
from sidecar.process.grpc_status import status_code, status_details
from sidecar.process.log import JsonLog
from sidecar.vmi.request import parse_identity

PRE_VM_START: Final = "PreVMStart"
POST_VM_STOP: Final = "PostVMStop"
PERMITTED: Final = (PRE_VM_START, POST_VM_STOP)
"""What the ``Plugin`` object lists; KubeVirt calls for no other."""

_Fields = Mapping[str, Any]
"""Of a log line."""


class NodeHooks:
    """Answers virt-handler's calls.

    Args:
        node: the host.
        guests: see ``Preparer``.
        tally: counts.
        log: gets one line a call.
    """

    def __init__(
        self, node: Node, guests: Callable[[], Guests], tally: Tally, log: JsonLog
    ) -> None:
        self._node = node
        self._preparer = Preparer(node, guests)
        self._tally = tally
        self._log = log
        self._points: Mapping[str, Callable[[bytes], _Fields]] = {
            PRE_VM_START: self._prepare,
            POST_VM_STOP: self._give_back,
        }

    def handle(self, call: NodeCall) -> None:
        """Do what belongs to the call's hook point; one that is not ours is only logged.

        Raises:
            PortsideError: see ``Preparer.prepare`` and ``give_back``.
        """
        act = self._points.get(call.point)
        if act is None:
            self._log.event("node hook not served", level="warning", hook_point=call.point)
            return
        started = time.perf_counter()
        fields: dict[str, Any] = {"hook_point": call.point, **_identify(call.vmi)}
        try:
            with self._tally.operation(call.point):
                outcome = act(call.vmi)
        except Exception as error:
            fields |= {"code": status_code(error).name, "error": status_details(error)}
            if not isinstance(error, PortsideError):
                fields["traceback"] = format_traceback(error)
            fields["milliseconds"] = _milliseconds(started)
            self._log.event("node hook refused", level="error", **fields)
            raise
        fields["milliseconds"] = _milliseconds(started)
        self._log.event("node hook", **fields, **outcome)

    def _prepare(self, vmi: bytes) -> _Fields:
        prepared = self._preparer.prepare(vmi)
        outcome: dict[str, Any] = {
            "leased": [str(address) for address in prepared.leased],
            "kept": [str(address) for address in prepared.kept],
        }
        return outcome | ({"note": prepared.note} if prepared.note else {})

    def _give_back(self, vmi: bytes) -> _Fields:
        done = give_back(self._node, vmi)
        return {"returned": list(done.returned), "marked": list(done.marked)}


def _identify(vmi: bytes) -> _Fields:
    try:
        identity = parse_identity(vmi)
    except PortsideError:
        identity = VmiIdentity()  # the call itself says what is wrong with it
    return {"namespace": identity.namespace, "name": identity.name, "uid": identity.uid}


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
