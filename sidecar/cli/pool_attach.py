# SPDX-License-Identifier: Apache-2.0
"""``portside pool attach`` and ``detach``: a domain gets a VF of a pool, and gives it back."""

import sys
from typing import Annotated

import typer

from sidecar.cli.pool_options import on_node
from sidecar.cli.vf_address import parse_address, parse_mac
from sidecar.domainxml.vf_device import Wanted
from sidecar.model.request import AttachAs
from sidecar.model.settings import MAX_VLAN
from sidecar.pools.attach import attach as attach_vf
from sidecar.pools.attach_plan import AttachRequest
from sidecar.pools.context import Node
from sidecar.pools.detach import DetachRequest
from sidecar.pools.detach import detach as detach_vf
from sidecar.pools.live_or_config import Scope

_WAIT = 30.0
"""How long a guest may take: Linux answers in a second, one that boots does not at all."""

_Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="Name or UUID of the domain.")]
_Mac = Annotated[str | None, typer.Option("--mac", metavar="MAC", help="MAC address of the VF.")]
_Live = Annotated[bool, typer.Option("--live", help="The running domain.")]
_Config = Annotated[bool, typer.Option("--config", help="The domain's configuration.")]


@on_node
def attach(  # noqa: PLR0913 - one parameter an option
    node: Node,
    domain: _Domain,
    pool: Annotated[str, typer.Argument(metavar="POOL", help="Name of the pool (of its network).")],
    *,
    kind: Annotated[
        AttachAs,
        typer.Option("--as", help="How the VF is attached; network: libvirt chooses the VF."),
    ] = AttachAs.INTERFACE,
    mac: _Mac = None,
    vlan: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_VLAN, help="VLAN id of the VF; default: the pool's."),
    ] = None,
    trust: Annotated[
        bool | None,
        typer.Option("--trust/--no-trust", help="Allow the guest to change its MAC address."),
    ] = None,
    team: Annotated[
        str | None,
        typer.Option(metavar="ALIAS", help="Team it with the virtio interface of this alias."),
    ] = None,
    alias: Annotated[
        str | None,
        typer.Option(metavar="ALIAS", help="Alias of the VF; default: ua-portside-POOL-N."),
    ] = None,
    live: _Live = False,
    config: _Config = False,
) -> None:
    """Attach a VF of a pool to a domain.

    Without --live or --config, affects the current state, as virsh does.
    """
    attached = attach_vf(
        node,
        AttachRequest(
            domain=domain,
            pool=pool,
            kind=kind,
            mac=parse_mac(mac),
            vlan=vlan,
            trust=trust,
            team=team,
            alias=alias,
            scope=Scope(live=live, config=config),
        ),
    )
    which = f"VF {attached.vf}" if attached.vf else "A VF that libvirt chooses at each start,"
    mac_text = f", MAC address {attached.mac}" if attached.mac else ""
    sys.stdout.write(
        f"{which} of pool {pool} attached to domain {attached.domain}, "
        f"alias {attached.alias}{mac_text}\n"
    )


@on_node
def detach(  # noqa: PLR0913 - one parameter an option
    node: Node,
    domain: _Domain,
    *,
    alias: Annotated[str | None, typer.Option(metavar="ALIAS", help="The VF's alias.")] = None,
    mac: _Mac = None,
    vf: Annotated[
        str | None, typer.Option("--vf", metavar="ADDRESS", help="The VF, e.g. 0000:3b:02.1.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the guest to release the VF.")
    ] = _WAIT,
    live: _Live = False,
    config: _Config = False,
) -> None:
    """Detach a VF from a domain; its lease ends once the guest has released it."""
    if [alias, mac, vf].count(None) != 2:  # noqa: PLR2004 - all but one
        raise typer.BadParameter("name the VF by one of --alias, --mac or --vf")
    wanted = Wanted(alias, parse_mac(mac), None if vf is None else parse_address(vf, "--vf"))
    done = detach_vf(node, DetachRequest(domain, wanted, Scope(live=live, config=config), timeout))
    text = f"{f'VF {done.vf}' if done.vf else 'The VF'} detached from domain {done.domain}"
    if done.returned:
        text += ", lease returned"
    elif done.kept:
        text += f"; its lease is kept: {done.kept}"
    sys.stdout.write(f"{text}\n")
