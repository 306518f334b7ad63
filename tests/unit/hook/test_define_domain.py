# SPDX-License-Identifier: Apache-2.0
"""One call, bytes to bytes."""

import pytest

from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.hook.define_domain import Outcome, Settings, define_domain
from tests.unit.domainxml.build import refusal
from tests.unit.domainxml.reservation.test_placeholders import KUBEVIRTS
from tests.unit.domainxml.trees import nic, written
from tests.unit.vmi.build import vfs, vmi

DOMAIN = written(nic("default"), nic("standby"), KUBEVIRTS)
ASKS = vmi({"interfaces": "9"})


def call(document: bytes, domain: bytes = DOMAIN, settings: Settings | None = None) -> Outcome:
    return define_domain(document, domain, settings or Settings())


def test_the_planner_is_the_default() -> None:
    assert Settings() == Settings(source=Planner(), pool_networks=False)


def test_tells_what_was_asked_and_done() -> None:
    outcome = call(ASKS)
    assert outcome.request.vmi.name == "vm"
    assert outcome.request.free_ports == 6
    assert outcome.mutation.before is not None
    assert outcome.mutation.notes


@pytest.mark.parametrize(
    "domain", [DOMAIN, b"", b"rubbish", b"<?xml version='1.0'?>\n<domain/>\r\n"]
)
def test_who_asks_nothing_gets_the_very_same_bytes(domain: bytes) -> None:
    outcome = call(vmi(), domain)
    assert outcome.mutation.domain is domain
    assert (outcome.mutation.before, outcome.mutation.after) == (None, None)


def test_the_vmi_is_read_first() -> None:
    error = refusal(RequestError, call, b"{", b"<network/>")
    assert error.where == "VMI"


def test_then_the_domain() -> None:
    error = refusal(RequestError, call, ASKS, b"<network/>")
    assert error.where == "domain XML"


@pytest.mark.parametrize(("by_launcher", "sent"), [(False, 0), (True, 5)])
def test_the_source_is_the_administrators_choice(by_launcher: bool, sent: int) -> None:
    outcome = call(ASKS, settings=Settings(source=Planner(by_launcher=by_launcher)))
    assert outcome.mutation.domain.count(b"ua-portside-placeholder-") == sent


def test_so_are_pool_networks() -> None:
    document = vfs({"name": "fast", "pool": "blue"})
    outcome = call(document, settings=Settings(pool_networks=True))
    assert b'<source network="blue"/>' in outcome.mutation.domain
    refusal(CapacityError, call, document)
