# SPDX-License-Identifier: Apache-2.0
"""``portside vf set``: what a PF keeps for a VF, changed and read back."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sidecar.cli.output import Output
from sidecar.cli.pool_data import describe_settings
from sidecar.cli.pool_options import Format, on_node
from sidecar.cli.vf_address import Address, parse_address, parse_mac
from sidecar.cli.vf_settings import say_settings
from sidecar.errors import RequestError
from sidecar.model.settings import (
    MAX_QOS,
    MAX_RATE,
    MAX_VLAN,
    LinkState,
    PortVlan,
    VfSettings,
    VlanProtocol,
)
from sidecar.pools.context import Node
from sidecar.pools.set_vf import Changed, set_vf

_Rate = Annotated[int | None, typer.Option(min=0, max=MAX_RATE, help="Mbit/s; 0: no limit.")]


@on_node
def set_settings(  # noqa: PLR0913 - one parameter an option
    node: Node,
    address: Address,
    *,
    mac: Annotated[
        str | None,
        typer.Option(
            metavar="MAC", help="An existing interface gets it at the VF's next bind only."
        ),
    ] = None,
    vlan: Annotated[
        int | None, typer.Option(min=0, max=MAX_VLAN, help="VLAN id of all its frames; 0: none.")
    ] = None,
    qos: Annotated[
        int | None, typer.Option(min=0, max=MAX_QOS, help="Priority in the VLAN tag.")
    ] = None,
    vlan_protocol: Annotated[
        VlanProtocol | None, typer.Option(help="Protocol of the VLAN tag; default: 802.1Q.")
    ] = None,
    trust: Annotated[
        bool | None,
        typer.Option("--trust/--no-trust", help="Allow the VF to change its MAC address."),
    ] = None,
    spoofchk: Annotated[
        bool | None,
        typer.Option("--spoofchk/--no-spoofchk", help="Drop frames sent from other MAC addresses."),
    ] = None,
    link_state: Annotated[
        LinkState | None,
        typer.Option(help="Link that the VF sees: the PF's, always up, or always down."),
    ] = None,
    min_tx_rate: _Rate = None,
    max_tx_rate: _Rate = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Also for a VF in use (affects its traffic immediately); never changes the MAC "
            "address. "
            "For a free VF: allows a MAC address that another function of its PF has.",
        ),
    ] = False,
    output: Format = Output.TABLE,
) -> None:
    """Set a VF's properties through its PF; refused if the VF is in use.

    Every setting is read back. If the driver refuses one, those already made are undone.
    """
    settings = VfSettings(
        mac=parse_mac(mac),
        vlan=_make_vlan(vlan, qos, vlan_protocol),
        trust=trust,
        spoofchk=spoofchk,
        link_state=link_state,
        min_tx_rate=min_tx_rate,
        max_tx_rate=max_tx_rate,
    )
    changed = set_vf(node, parse_address(address), settings, force=force)
    if output is Output.JSON:
        data = {
            "address": str(changed.vf.address),
            "pf": changed.pf_name,
            "index": changed.vf.index,
            "users": list(changed.users),
            "before": describe_settings(changed.before),
            "after": describe_settings(changed.after),
        }
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
    else:
        Console(highlight=False, markup=False).print(_draw(changed))


def _make_vlan(
    number: int | None, qos: int | None, protocol: VlanProtocol | None
) -> PortVlan | None:
    if number == 0 and (qos or protocol is VlanProtocol.DOT1AD):
        raise RequestError(
            "a priority or protocol without a VLAN",
            found=f"id 0, qos {qos or 0}, {protocol or VlanProtocol.DOT1Q}",
            expected="a VLAN id from 1",
        )
    if number is not None:
        return PortVlan(number, qos or 0, protocol or VlanProtocol.DOT1Q)
    if qos is None and protocol is None:
        return None
    raise RequestError("--qos and --vlan-protocol need a VLAN", todo="Give the VLAN id with --vlan")


def _draw(changed: Changed) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (f"VF {changed.vf.index} of {changed.pf_name}", "Before", "After"):
        table.add_column(heading)
    after = say_settings(changed.after)
    for name, value in say_settings(changed.before).items():
        table.add_row(name, value, after[name])
    return table
