# SPDX-License-Identifier: Apache-2.0
"""``portside vf``: this host's SR-IOV functions, and who uses them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sidecar.cli.output import Output, print_content, print_json
from sidecar.cli.pool_data import describe_settings
from sidecar.cli.vf_address import Address, parse_address
from sidecar.cli.vf_data import describe_detail, describe_inventory
from sidecar.cli.vf_set import set_settings
from sidecar.cli.vf_settings import draw_settings
from sidecar.cli.vf_view import draw_detail, draw_table, draw_tree
from sidecar.errors import HostError, PortsideError
from sidecar.host.detail import Detail, read_detail
from sidecar.host.holders import PROCFS
from sidecar.host.inventory import read_inventory
from sidecar.host.pciids import DATABASES, PciNames
from sidecar.host.sysfs import SYSFS, Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction

vf = typer.Typer(
    help="Show this host's SR-IOV physical and virtual functions (PFs, VFs), and who uses them; "
    "set a VF.",
    no_args_is_help=True,
)
vf.command("set")(set_settings)

_Output = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]
_Root = Annotated[Path, typer.Option("--sysfs", hidden=True, help="Another sysfs.")]
_Proc = Annotated[Path, typer.Option("--proc", hidden=True, help="Another procfs.")]
_Addressed = Annotated[
    list[str] | None,
    typer.Option("--addressed", hidden=True, help="Another sysfs's interfaces with addresses."),
]
_Names = Annotated[
    list[Path] | None, typer.Option("--pci-ids", hidden=True, help="Another PCI ID database.")
]


@vf.command("list")
def list_functions(
    output: _Output = Output.TABLE,
    sysfs: _Root = SYSFS,
    proc: _Proc = PROCFS,
    addressed: _Addressed = None,
    pci_ids: _Names = None,
) -> None:
    """List all PFs and VFs, each with its driver, link, IOMMU group, NUMA node and user."""
    inventory = _read("list", open_sysfs(sysfs, addressed), proc)
    if output is Output.JSON:
        print_json(describe_inventory(inventory, PciNames(pci_ids or DATABASES)))
    else:
        print_content(draw_table(inventory) if inventory.pfs else _none(sysfs))


@vf.command("tree")
def show_tree(
    output: _Output = Output.TABLE,
    sysfs: _Root = SYSFS,
    proc: _Proc = PROCFS,
    addressed: _Addressed = None,
    pci_ids: _Names = None,
) -> None:
    """Show each PF with its VFs below it, and below those who uses them."""
    inventory = _read("tree", open_sysfs(sysfs, addressed), proc)
    names = PciNames(pci_ids or DATABASES)
    if output is Output.JSON:
        print_json(describe_inventory(inventory, names))
    else:
        print_content(draw_tree(inventory, names) if inventory.pfs else _none(sysfs))


@vf.command("show")
def show_function(  # noqa: PLR0913, PLR0917 - an argument for each option
    address: Address,
    output: _Output = Output.TABLE,
    sysfs: _Root = SYSFS,
    proc: _Proc = PROCFS,
    addressed: _Addressed = None,
    pci_ids: _Names = None,
) -> None:
    """Show all that is known of a PF or VF, and why it counts as in use or free."""
    wanted = parse_address(address)
    tree = open_sysfs(sysfs, addressed)
    inventory = _read("show", tree, proc)
    names = PciNames(pci_ids or DATABASES)
    try:
        detail = _find(tree, inventory, wanted)
    except PortsideError as error:
        _fail("show", error)
    settings = _read_settings(inventory, detail) if sysfs == SYSFS else None
    if output is Output.JSON:
        known = {} if settings is None else {"settings": describe_settings(settings)}
        print_json(describe_detail(detail, names) | known)
    else:
        print_content(draw_detail(detail, names))
        if settings is not None:
            print_content(draw_settings(settings))


def _read_settings(inventory: Inventory, detail: Detail) -> VfSettings | None:
    """Return what a VF's PF keeps for it; ``None`` of a PF, or if nobody here can tell."""
    vf = detail.function
    pf = inventory.find(vf.physfn) if isinstance(vf, VirtualFunction) else None
    if not isinstance(vf, VirtualFunction) or not isinstance(pf, PhysicalFunction):
        return None
    if pf.interfaces is UNKNOWN or not pf.interfaces:
        return None
    try:
        from sidecar.host.netlink import read_settings  # noqa: PLC0415 - only nodes have pyroute2

        return read_settings(pf.interfaces[0].name, vf.index)
    except (ModuleNotFoundError, HostError):
        return None


def open_sysfs(root: Path, addressed: Sequence[str] | None) -> Sysfs:
    """Return a sysfs; of one that is not this machine's kernel's, netlink can tell nothing."""
    return Sysfs(root) if root == SYSFS else Sysfs(root, addressed=frozenset(addressed or ()))


def _find(sysfs: Sysfs, inventory: Inventory, address: PciAddress) -> Detail:
    detail = read_detail(sysfs, inventory, address)
    if detail is None:
        raise HostError(
            "no PF or VF at this address",
            where=str(address),
            found=f"{len(inventory.pfs)} PFs and {len(inventory.usages)} VFs",
            todo="portside vf list shows them all",
        )
    return detail


def _read(command: str, sysfs: Sysfs, proc: Path) -> Inventory:
    try:
        return read_inventory(sysfs, proc)
    except PortsideError as error:
        _fail(command, error)


def _fail(command: str, error: PortsideError) -> NoReturn:
    sys.stderr.write(f"portside vf {command}: {error}\n")
    raise typer.Exit(1) from error


def _none(root: Path) -> str:
    return f"No PF found under {Sysfs(root).devices}: no PCI device here has SR-IOV."
