# SPDX-License-Identifier: Apache-2.0
"""``portside pool``: pools of VFs, in the words of ``virsh net-*``."""

import sys
from typing import Annotated

import typer

from sidecar.cli.files import own_path, read_input
from sidecar.cli.output import Output, print_content, print_json
from sidecar.cli.pool_attach import attach, detach
from sidecar.cli.pool_data import describe_plan, describe_pools, describe_status
from sidecar.cli.pool_options import Format, Name, on_node
from sidecar.cli.pool_view import draw_plan, draw_pools, draw_status
from sidecar.pools.context import Node
from sidecar.pools.operations import Pools
from sidecar.pools.pool_status import read_status
from sidecar.pools.rules.boot_files import format_udev_rule, format_unit

pool = typer.Typer(
    help="Manage pools of VFs: libvirt networks with <forward mode='hostdev'> whose PF has at "
    "least <vf num='...'/> VFs. No command takes a VF from a guest that has it.",
    no_args_is_help=True,
)
pool.command("attach")(attach)
pool.command("detach")(detach)


@pool.command("define")
@on_node
def define(
    node: Node,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Network XML; - reads stdin.")],
) -> None:
    """Define a pool from network XML with <vf num='...'/> in its <pf>; the host is unchanged."""
    pools = Pools(node)
    record = pools.define(read_input(file, "FILE"))
    print_content(f"Pool {record.definition.name} defined on PF {record.pf}")
    for note in pools.notes(record.definition.name):
        print_content(f"Note: {note}")


@pool.command("undefine")
@on_node
def undefine(node: Node, name: Name) -> None:
    """Remove the definition of a stopped pool; its VFs stay."""
    Pools(node).undefine(name)
    print_content(f"Pool {name} undefined")


@pool.command("list")
@on_node
def list_pools(node: Node, output: Format = Output.TABLE) -> None:
    """List all pools, including those not defined through Portside."""
    pools = Pools(node).list()
    if output is Output.JSON:
        print_json(describe_pools(pools))
    else:
        print_content(draw_pools(pools) if pools else "No pools. portside pool define creates one.")


@pool.command("dumpxml")
@on_node
def dumpxml(node: Node, name: Name) -> None:
    """Print a pool's definition, in the form that define reads."""
    sys.stdout.write(Pools(node).dumpxml(name).decode())


@pool.command("plan")
@on_node
def plan(node: Node, name: Name, output: Format = Output.TABLE) -> None:
    """Print what start would do and what blocks it (exit code 1); change nothing."""
    planned = Pools(node).plan(name)
    if output is Output.JSON:
        print_json(describe_plan(planned))
    else:
        print_content(draw_plan(planned))
    if planned.obstacles:
        raise typer.Exit(1)


@pool.command("start")
@on_node
def start(node: Node, name: Name) -> None:
    """Create VFs if the pool has too few, and start its network."""
    done = Pools(node).start(name)
    print_content(draw_plan(done))
    print_content(f"Pool {name} started")


@pool.command("stop")
@on_node
def stop(
    node: Node,
    name: Name,
    keep_vfs: Annotated[  # noqa: FBT002 -- an option on the command line, not an argument
        bool, typer.Option("--keep-vfs", help="Stop only the network, even if VFs are in use.")
    ] = False,
) -> None:
    """Stop a pool's network and remove the VFs that Portside created, if none is in use."""
    done = Pools(node).stop(name, keep_vfs=keep_vfs)
    print_content(draw_plan(done))
    print_content(f"Pool {name} stopped")


@pool.command("status")
@on_node
def status(
    node: Node,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this pool.")] = None,
    output: Format = Output.TABLE,
) -> None:
    """Show each pool's VFs: wanted, present, free, and who holds the others."""
    states = read_status(node, name)
    if output is Output.JSON:
        print_json(describe_status(states))
    else:
        print_content(
            draw_status(states) if states else "No pools. portside pool define creates one."
        )


@pool.command("autostart")
@on_node
def autostart(
    node: Node,
    name: Name,
    disable: Annotated[  # noqa: FBT002 -- an option on the command line, not an argument
        bool, typer.Option("--disable", help="No longer start the pool.")
    ] = False,
) -> None:
    """Have the node agent (portside node) start a pool and keep its minimum of VFs."""
    Pools(node).set_autostart(name, autostart=not disable)
    print_content(f"Pool {name} {'not ' if disable else ''}marked as autostarted")


@pool.command("recover")
@on_node
def recover(node: Node, name: Name) -> None:
    """End the quarantine of a pool's PF if the kernel responds for it again."""
    Pools(node).recover(name)
    print_content(f"Quarantine of pool {name} ended")


@pool.command("udev")
@on_node
def udev(node: Node, name: Name) -> None:
    """Print a udev rule that creates a pool's VFs at boot, on hosts without agent or systemd."""
    pools = Pools(node)
    driver = pools.driver(name)
    needs_up = driver.name if driver.needs_pf_up else ""
    sys.stdout.write(format_udev_rule(pools.record(name), needs_up))


@pool.command("systemd")
@on_node
def systemd(node: Node, name: Name) -> None:
    """Print a systemd unit that starts a pool at boot, on hosts without the agent."""
    sys.stdout.write(format_unit(Pools(node).record(name), own_path()))
