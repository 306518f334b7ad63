# SPDX-License-Identifier: Apache-2.0
"""``portside pool attach`` and ``detach``: a domain gets a VF of a pool, and gives it back."""

import sys
from typing import Annotated

import typer

from sidecar.cli.pool_options import on_node
from sidecar.domainxml.vf_device import Wanted
from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import MAX_VLAN
from sidecar.pools.attach import attach as attach_vf
from sidecar.pools.attach_plan import AttachRequest
from sidecar.pools.context import Node
from sidecar.pools.detach import DetachRequest
from sidecar.pools.detach import detach as detach_vf
from sidecar.pools.live_or_config import Scope
from sidecar.pools.rules.device_xml import DeviceAs

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
    pool: Annotated[str, typer.Argument(metavar="POOL", help="The pool: its network's name.")],
    *,
    kind: Annotated[
        DeviceAs,
        typer.Option("--as", help="What it is to libvirt; network: libvirt chooses the VF."),
    ] = DeviceAs.INTERFACE,
    mac: _Mac = None,
    vlan: Annotated[
        int | None, typer.Option(min=1, max=MAX_VLAN, help="VLAN of the VF; default: the pool's.")
    ] = None,
    trust: Annotated[
        bool | None,
        typer.Option("--trust/--no-trust", help="Whether the guest may change its MAC address."),
    ] = None,
    team: Annotated[
        str | None,
        typer.Option(metavar="ALIAS", help="Team it with the virtio interface of this alias."),
    ] = None,
    alias: Annotated[
        str | None, typer.Option(metavar="ALIAS", help="Alias of the VF; default: one of ours.")
    ] = None,
    live: _Live = False,
    config: _Config = False,
) -> None:
    """Give a domain a VF of a pool; without --live and --config: to what the domain is now."""
    attached = attach_vf(
        node,
        AttachRequest(
            domain=domain,
            pool=pool,
            kind=kind,
            mac=_parse_mac(mac),
            vlan=vlan,
            trust=trust,
            team=team,
            alias=alias,
            scope=Scope(live=live, config=config),
        ),
    )
    which = f"VF {attached.vf}" if attached.vf else "A VF, which libvirt chooses at each start,"
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
        str | None, typer.Option("--vf", metavar="ADDRESS", help="The VF, like 0000:3b:02.1.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds that the guest may take.")] = _WAIT,
    live: _Live = False,
    config: _Config = False,
) -> None:
    """Take a VF back from a domain; its lease ends when the guest has let go of it."""
    if [alias, mac, vf].count(None) != 2:  # noqa: PLR2004 - all but one
        raise typer.BadParameter("name the VF by one of --alias, --mac and --vf")
    wanted = Wanted(alias, _parse_mac(mac), _parse_address(vf))
    done = detach_vf(node, DetachRequest(domain, wanted, Scope(live=live, config=config), timeout))
    text = f"{f'VF {done.vf}' if done.vf else 'The VF'} detached from domain {done.domain}"
    if done.returned:
        text += ", lease returned"
    elif done.kept:
        text += f"; its lease stays: {done.kept}"
    sys.stdout.write(f"{text}\n")


def _parse_mac(text: str | None) -> MacAddress | None:
    try:
        return None if text is None else MacAddress.parse(text)
    except RequestError as error:
        raise typer.BadParameter(str(error), param_hint="--mac") from error


def _parse_address(text: str | None) -> PciAddress | None:
    try:
        return None if text is None else PciAddress.parse(text)
    except RequestError as error:
        raise typer.BadParameter(str(error), param_hint="--vf") from error
