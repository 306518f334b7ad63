# SPDX-License-Identifier: Apache-2.0
"""Whatever the VMI: a Request or a RequestError, soon, and nothing else."""

import json
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sidecar.errors import RequestError
from sidecar.model.request import Request
from sidecar.vmi.request import parse_request
from tests.property.rubbish import changed_vmis, json_values, odd_vmis
from tests.property.strategies import requests, vmi_of
from tests.support import RECORDINGS

SOON = timedelta(seconds=2)
"""Far above what any input here takes, so that a busy machine does not fail the test."""

MAX_ERROR = 4096
"""Half of the 8 KiB of metadata in which gRPC carries an error's text."""


def parse(data: bytes) -> Request | None:
    """Return the request, None for a refusal; everything else escapes."""
    try:
        return parse_request(data)
    except RequestError as error:
        refusal = error
    assert refusal.what
    assert refusal.where.startswith(("VMI", "annotation portside.io/"))
    assert len(str(refusal).encode()) <= MAX_ERROR
    return None


@given(st.binary())
@settings(deadline=SOON, max_examples=300)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"1" * 100_000)
@example(b'{"metadata":{"annotations":{"portside.io/vfs":"' + b"[" * 50_000 + b'"}}}')
@example(b'{"metadata":{"annotations":{"portside.io/teaming":"' + b"9" * 50_000 + b'"}}}')
@example(b'{"metadata":{"annotations":{"portside.io/interfaces":"' + b"9" * 50_000 + b'"}}}')
@example(b'{"metadata":{"annotations":{"portside.io/disks":"1e999999999999"}}}')
def test_any_bytes(data: bytes) -> None:
    parse(data)


@given(json_values)
@settings(deadline=SOON, max_examples=300)
def test_any_json(value: object) -> None:
    request = parse(json.dumps(value).encode())
    assert request is None or (request.asks_nothing and isinstance(value, dict))


@given(odd_vmis(ours=True))
@settings(deadline=SOON, max_examples=200)
def test_any_vmi_that_asks(data: bytes) -> None:
    parse(data)


@given(changed_vmis())
@settings(deadline=SOON, max_examples=300)
def test_any_other_value_in_a_valid_vmi(data: bytes) -> None:
    parse(data)


@given(odd_vmis(ours=False))
@settings(deadline=SOON, max_examples=150)
def test_no_odd_vmi_without_our_keys_is_refused(data: bytes) -> None:
    # NaN and Infinity are Python's, not JSON's; KubeVirt cannot write them.
    text = data.replace(b"NaN", b"0").replace(b"-Infinity", b"0").replace(b"Infinity", b"0")
    assert parse_request(text).asks_nothing


@given(st.data())
@settings(deadline=SOON, max_examples=300)
def test_any_damage_to_a_valid_vmi(data: st.DataObject) -> None:
    whole = data.draw(requests().map(vmi_of))
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(len(whole), begin + 8)))
    parse(whole[:begin] + data.draw(st.binary(max_size=8)) + whole[end:])


@given(requests())
@settings(deadline=SOON, max_examples=300)
def test_valid_requests_round_trip(request_: Request) -> None:
    assert parse_request(vmi_of(request_)) == request_


@given(requests())
@settings(deadline=SOON, max_examples=100)
def test_the_answer_does_not_depend_on_how_json_is_written(request_: Request) -> None:
    whole = vmi_of(request_)
    assert parse_request(json.dumps(json.loads(whole), indent=3).encode()) == request_
    escaped = whole.replace(b"portside.io/", rb"\u0070ortside.io\/")
    assert escaped != whole
    assert parse_request(escaped) == request_


@pytest.mark.parametrize("boot", ["bigmem", "nic1", "nic4", "sriov"])
@given(st.data())
@settings(deadline=SOON, max_examples=100)
def test_any_damage_to_a_recorded_vmi(boot: str, data: st.DataObject) -> None:
    whole = (RECORDINGS / boot / "pass1-vmi.json").read_bytes()
    begin = data.draw(st.integers(0, len(whole)))
    damaged = whole[:begin] + data.draw(st.binary(max_size=4)) + whole[begin + 1 :]
    request = parse(damaged)
    assert request is None or request.asks_nothing
