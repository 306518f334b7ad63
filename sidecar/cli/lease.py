# SPDX-License-Identifier: Apache-2.0
"""``portside lease``: who holds which VF by our records, and records that a crash left behind."""

from typing import Annotated

import typer

from sidecar.cli.lease_view import describe_lease, describe_leases, draw_lease, draw_leases
from sidecar.cli.output import Output, print_content, print_json
from sidecar.cli.pool_options import Format, on_node
from sidecar.cli.vf_address import parse_address
from sidecar.errors import RequestError
from sidecar.model.digits import is_number
from sidecar.model.pci import PciAddress
from sidecar.model.vf import MAX_FUNCTIONS
from sidecar.pools.clear_leases import VfPlace, clear_lease, list_leases, show_lease
from sidecar.pools.context import Node

lease = typer.Typer(
    help="Show VF leases, and clear those left behind by a crash. "
    "No command takes a VF from a guest that has it.",
    no_args_is_help=True,
)

_Vf = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS",
        help="The VF, e.g. 0000:3b:02.1; a VF that no longer exists by PF and number, e.g. "
        "0000:3b:00.0:3.",
    ),
]


@lease.command("list")
@on_node
def list_all(
    node: Node,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also list VFs that are free.")] = False,
    output: Format = Output.TABLE,
) -> None:
    """List leases, including those of VFs that no longer exist."""
    leases = list_leases(node, every=every)
    if output is Output.JSON:
        print_json(describe_leases(leases))
    else:
        print_content(draw_leases(leases) if leases else "No leases.")


@lease.command("show")
@on_node
def show(node: Node, address: _Vf, output: Format = Output.TABLE) -> None:
    """Show a VF's lease, and what the kernel, processes and libvirt say about the VF."""
    view = show_lease(node, _parse(address))
    if output is Output.JSON:
        print_json(describe_lease(view))
    else:
        print_content(draw_lease(view))


@lease.command("clear")
@on_node
def clear(
    node: Node,
    address: _Vf,
    *,
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Also clear leases of domains that no longer have the VF."),
    ] = False,
) -> None:
    """Clear a lease that needs inspection, if the VF is proven free.

    Settings made for the holder are undone. A VF that no longer exists counts as free.
    """
    was = clear_lease(node, _parse(address), stale=stale)
    whose = f" ({was.state}, {was.holder})" if was.holder is not None else f" ({was.state})"
    print_content(f"Lease of VF {was.index} of {was.pf}{whose} cleared")


def _parse(text: str) -> PciAddress | VfPlace:
    """Read a VF's address, or its PF's and its number.

    Raises:
        typer.BadParameter: it is neither.
    """
    head, _, tail = text.rpartition(":")
    if "." not in head and not head.startswith("pci_"):
        return parse_address(text)
    if not is_number(tail) or int(tail) > MAX_FUNCTIONS:
        raise typer.BadParameter(
            str(
                RequestError("not the number of a VF", found=tail, expected=f"0 to {MAX_FUNCTIONS}")
            ),
            param_hint="ADDRESS",
        )
    return VfPlace(parse_address(head), int(tail))
