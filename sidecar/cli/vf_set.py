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
from sidecar.cli.vf_address import Address, parse_address
from sidecar.cli.vf_settings import say_settings
from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
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

_Rate = Annotated[int | None, typer.Option(min=0, max=MAX_RATE, help="Mbit/s; 0: none.")]


@on_node
def set_settings(  # noqa: PLR0913 - one parameter an option
    node: Node,
    address: Address,
    *,
    mac: Annotated[
        str | None,
        typer.Option(metavar="MAC", help="Reaches an interface at the VF's next bind only."),
    ] = None,
    vlan: Annotated[
        int | None, typer.Option(min=0, max=MAX_VLAN, help="VLAN of all its frames; 0: none.")
    ] = None,
    qos: Annotated[
        int | None, typer.Option(min=0, max=MAX_QOS, help="Priority in the VLAN's tag.")
    ] = None,
    vlan_protocol: Annotated[
        VlanProtocol | None, typer.Option(help="Of the tag; default: 802.1Q.")
    ] = None,
    trust: Annotated[
        bool | None,
        typer.Option("--trust/--no-trust", help="Whether it may change its MAC address."),
    ] = None,
    spoofchk: Annotated[
        bool | None,
        typer.Option("--spoofchk/--no-spoofchk", help="Drop frames of other MAC addresses."),
    ] = None,
    link_state: Annotated[
        LinkState | None, typer.Option(help="The link it sees: the PF's, always up, never.")
    ] = None,
    min_tx_rate: _Rate = None,
    max_tx_rate: _Rate = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Also of a VF in use: its user's traffic changes at once. Never the MAC address.",
        ),
    ] = False,
    output: Format = Output.TABLE,
) -> None:
    """Set what the PF keeps for a VF; one that somebody uses is refused.

    All is read back. If the driver refuses one setting, those before it are put back.
    """
    settings = VfSettings(
        mac=None if mac is None else MacAddress.parse(mac),
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
    if number is not None:
        return PortVlan(number, qos or 0, protocol or VlanProtocol.DOT1Q)
    if qos is None and protocol is None:
        return None
    raise RequestError("--qos and --vlan-protocol belong to a VLAN", todo="Name it with --vlan")


def _draw(changed: Changed) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (f"VF {changed.vf.index} of {changed.pf_name}", "Before", "After"):
        table.add_column(heading)
    after = say_settings(changed.after)
    for name, value in say_settings(changed.before).items():
        table.add_row(name, value, after[name])
    return table
