# SPDX-License-Identifier: Apache-2.0
"""``portside demo``: see ports being reserved, and NICs finding them."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.text import Text

from sidecar.demo.cases import CaseName, load_case, load_files
from sidecar.errors import PortsideError
from sidecar.model.request import MAX_TOTAL

DEFAULT_TOTALS = [0, 1, 5, 32]


def demo(
    interfaces: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            max=MAX_TOTAL,
            help="Total of interfaces to request; may be repeated. Default: 0, 1, 5, 32.",
        ),
    ] = None,
    case: Annotated[CaseName, typer.Option(help="The example VM.")] = CaseName.NIC1,
    vmi: Annotated[
        Path | None, typer.Option(help="Use your own VM: its VMI as JSON; needs --domain.")
    ] = None,
    domain: Annotated[
        Path | None, typer.Option(help="The domain XML of that VM, before any reservation.")
    ] = None,
) -> None:
    """Boot a VM as KubeVirt does, with and without the sidecar, and hot-plug NICs.

    Starts a real hook, a real libvirt inside this process, and QEMU without a guest; needs
    no root, no KVM, no cluster. Exits with 0 if every requested NIC found a port, with 1
    if not, and with 2 if the demo could not run.
    """
    from sidecar.demo.run import run_demo  # noqa: PLC0415 - no other command needs gRPC

    if (vmi is None) != (domain is None):
        raise typer.BadParameter("--vmi and --domain go together")
    # So that the hook and QEMU end with us.
    signal.signal(signal.SIGTERM, _exit)
    try:
        loaded = load_files(vmi, domain, vmi.stem) if vmi and domain else load_case(case)
        held = run_demo(Console(), loaded, interfaces or DEFAULT_TOTALS)
    except PortsideError as error:
        text = Text.assemble((f"{type(error).__name__}: ", "red"), str(error))
        Console(stderr=True).print(text, soft_wrap=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None
    raise typer.Exit(0 if held else 1)


def _exit(number: int, _frame: FrameType | None) -> Never:
    sys.exit(128 + number)
