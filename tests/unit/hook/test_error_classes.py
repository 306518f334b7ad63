# SPDX-License-Identifier: Apache-2.0
"""docs/design.md's table of error classes, row by row: each is raised and told as it says."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from sidecar import errors
from sidecar.errors import PortsideError
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.pb.info_pb2 import InfoParams
from sidecar.process.grpc_methods import MalformedMessageError, parse
from sidecar.process.grpc_status import CODES, status_code
from sidecar.process.message_sizes import MAX_MESSAGE, MessageSizeError, check_request
from sidecar.state.store import Store

ROOT = Path(__file__).parents[3]
PF, NOW = PciAddress(0, 1, 0, 0), datetime(2026, 1, 2, tzinfo=UTC)
HOLDER = Holder(HolderKind.VMI, "shop/web", "1")


def ask_nonsense(_: Store) -> None:
    MacAddress.parse("no MAC address")


def take_twice(store: Store) -> None:
    with store.lock(PF) as held:
        held.take(0, HOLDER, VfSettings(), "", NOW)
        held.take(0, Holder(HolderKind.VMI, "shop/other", "2"), VfSettings(), "", NOW)


def write_below_a_file(_: Store) -> None:
    with Store(Path(__file__)).lock(PF):
        pass


def lock_twice(store: Store) -> None:
    with store.lock(PF), store.lock(PF, seconds=0):
        pass


def call_a_remote(_: Store) -> None:
    raise errors.ApiError("no part of Portside calls a remote API yet")


def finish_what_was_not_begun(store: Store) -> None:
    with store.lock(PF) as held:
        lease = held.take(0, HOLDER, VfSettings(), "", NOW)
        held.finish_return(lease, NOW)


def call_with_too_much(_: Store) -> None:
    check_request(b"x" * MAX_MESSAGE, b"x")


def call_with_no_message(_: Store) -> None:
    parse(InfoParams, b"\xff")


CASES: Final[Mapping[type[PortsideError], Callable[[Store], None]]] = {
    errors.RequestError: ask_nonsense,
    errors.CapacityError: take_twice,
    errors.HostError: write_below_a_file,
    errors.BusyError: lock_twice,
    errors.ApiError: call_a_remote,
    errors.InternalError: finish_what_was_not_begun,
    MessageSizeError: call_with_too_much,
    MalformedMessageError: call_with_no_message,
}


def rows() -> dict[str, str]:
    """Return the code of each class."""
    text = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    table = text.partition("## Errors, by who acts\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([A-Z_]+) \|$", table, re.MULTILINE))


def test_every_class_has_its_row_and_its_case() -> None:
    assert rows() == {kind.__name__: code.name for kind, code in CODES.items()}
    assert CASES.keys() == CODES.keys()


@pytest.mark.parametrize("kind", CASES)
def test_the_class_is_told_as_the_table_says(tmp_path: Path, kind: type[PortsideError]) -> None:
    with pytest.raises(PortsideError) as caught:
        CASES[kind](Store(tmp_path))
    assert caught.type is kind
    assert status_code(caught.value).name == rows()[kind.__name__]
