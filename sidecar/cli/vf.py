# SPDX-License-Identifier: Apache-2.0
"""``portside vf``: this host's SR-IOV functions, and who uses them."""

from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli.output import Output, print_content, print_json
from sidecar.cli.pool_data import describe_settings
from sidecar.cli.pool_options import Format, on_host
from sidecar.cli.vf_address import Address, parse_address
from sidecar.cli.vf_data import describe_detail, describe_host
from sidecar.cli.vf_set import set_settings
from sidecar.cli.vf_settings import draw_settings
from sidecar.cli.vf_view import draw_detail, draw_table, draw_tree
from sidecar.errors import HostError
from sidecar.host.detail import Detail, read_detail
from sidecar.host.pciids import DATABASES, PciNames
from sidecar.host.sysfs import SYSFS
from sidecar.model.missing import no_function
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Host
from sidecar.pools.observe import HostView, ask_guests, observe_host

vf = typer.Typer(
    help="Show this host's SR-IOV physical and virtual functions (PFs, VFs), whether each VF is "
    "free, and who has it; set a VF's properties.",
    no_args_is_help=True,
)
vf.command("set")(set_settings)

_Names = Annotated[
    list[Path] | None, typer.Option("--pci-ids", hidden=True, help="PCI ID database.")
]


@vf.command("list")
@on_host
def list_functions(host: Host, output: Format = Output.TABLE, pci_ids: _Names = None) -> None:
    """List all PFs and VFs with driver, link, IOMMU group, NUMA node and state.

    The state says whether a VF may be taken, as portside pool status does.
    """
    view = _look(host)
    if output is Output.JSON:
        print_json(describe_host(view, PciNames(pci_ids or DATABASES)))
    else:
        print_content(draw_table(view) if view.inventory.pfs else _none(host))


@vf.command("tree")
@on_host
def show_tree(host: Host, output: Format = Output.TABLE, pci_ids: _Names = None) -> None:
    """Show each PF with its VFs, and who has each VF."""
    view, names = _look(host), PciNames(pci_ids or DATABASES)
    if output is Output.JSON:
        print_json(describe_host(view, names))
    else:
        print_content(draw_tree(view, names) if view.inventory.pfs else _none(host))


@vf.command("show")
@on_host
def show_function(
    host: Host, address: Address, output: Format = Output.TABLE, pci_ids: _Names = None
) -> None:
    """Show everything known about a PF or VF, and why a VF is free or not."""
    wanted, names = parse_address(address), PciNames(pci_ids or DATABASES)
    view = _look(host)
    detail = _find(host, view, wanted)
    settings = _read_settings(view, detail) if host.sysfs.root == SYSFS else None
    if output is Output.JSON:
        known = {} if settings is None else {"settings": describe_settings(settings)}
        print_json(describe_detail(detail, view, names) | known)
    else:
        print_content(draw_detail(detail, view, names))
        if settings is not None:
            print_content(draw_settings(settings))


def _look(host: Host) -> HostView:
    return observe_host(host, ask_guests(host))


def _read_settings(view: HostView, detail: Detail) -> VfSettings | None:
    """Return what a VF's PF keeps for it; ``None`` of a PF, or if nobody here can tell."""
    vf = detail.function
    pf = view.inventory.find(vf.physfn) if isinstance(vf, VirtualFunction) else None
    if not isinstance(vf, VirtualFunction) or not isinstance(pf, PhysicalFunction):
        return None
    if pf.interfaces is UNKNOWN or not pf.interfaces:
        return None
    try:
        from sidecar.host.netlink import read_settings  # noqa: PLC0415 - only nodes have pyroute2

        return read_settings(pf.interfaces[0].name, vf.index)
    except (ModuleNotFoundError, HostError):
        return None


def _find(host: Host, view: HostView, address: PciAddress) -> Detail:
    inventory = view.inventory
    detail = read_detail(host.sysfs, inventory, address)
    if detail is None:
        raise no_function(inventory, address)
    return detail


def _none(host: Host) -> str:
    return f"No PF found under {host.sysfs.devices}: no PCI device here has SR-IOV."
