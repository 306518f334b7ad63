# SPDX-License-Identifier: Apache-2.0
"""A hook whose source of controllers is in trouble.

Usage: ``python -m tests.wire.troubled_hook TROUBLE --socket-dir DIR``, where TROUBLE is
a class of ``sidecar.errors``, ``ZeroDivisionError``, ``slow``, or ``late``: the source
does not open, which shows a second after the socket appeared.
"""

import os
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from sidecar import errors
from sidecar.cli.hook import parse_arguments
from sidecar.hook.serve import serve

if TYPE_CHECKING:
    from sidecar.domainxml.addressing.buses import Place
    from sidecar.domainxml.addressing.inventory import Inventory
    from sidecar.domainxml.addressing.layout import Layout
    from sidecar.hook.define_domain import Settings


class TroubledSource:
    """Fails, or takes a minute."""

    by_launcher = False

    def __init__(self, trouble: str) -> None:
        self._trouble = trouble

    def lay_out(self, inventory: "Inventory") -> "Layout":
        if self._trouble == "slow":
            sys.stderr.write('{"event": "waiting"}\n')
            time.sleep(60)
        if self._trouble == "ZeroDivisionError":
            raise ZeroDivisionError(f"secret-in-{inventory.domain.tag}")
        raise getattr(errors, self._trouble)("the source is in trouble", where="test")

    def extend(self, layout: "Layout", ports: int) -> "list[Place]":
        raise NotImplementedError(layout, ports)  # lay_out never returns


def load(_stack: ExitStack) -> "Settings":
    from sidecar.hook.define_domain import Settings  # noqa: PLC0415 - as the real hook does

    if sys.argv[1] == "late":
        time.sleep(1)
        raise errors.HostError("the source does not open", where="test")
    return Settings(source=TroubledSource(sys.argv[1]))


if __name__ == "__main__":
    try:
        serve(parse_arguments(sys.argv[2:], os.environ)[0], load)
    except errors.HostError:
        sys.exit(1)
