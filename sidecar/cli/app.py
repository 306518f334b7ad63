# SPDX-License-Identifier: Apache-2.0
"""The commands that people type; each lives in a module of its own."""

import sys
from typing import Annotated

import typer

from sidecar import __version__
from sidecar.cli.check import check
from sidecar.cli.demo import demo
from sidecar.cli.doctor import doctor
from sidecar.cli.lease import lease
from sidecar.cli.mutate import mutate
from sidecar.cli.node import node
from sidecar.cli.pool import pool
from sidecar.cli.ports import ports
from sidecar.cli.topology import topology
from sidecar.cli.vf import vf

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(mutate)
app.command()(check)
app.command()(ports)
app.command()(demo)
app.command()(topology)
app.command()(node)
app.command()(doctor)
app.add_typer(vf, name="vf")
app.add_typer(pool, name="pool")
app.add_typer(lease, name="lease")


def _print_version(given: bool) -> None:  # noqa: FBT001 - typer's callbacks take the value
    if given:
        sys.stdout.write(f"portside {__version__}\n")
        raise typer.Exit


@app.callback()
def _main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Reserve PCIe root ports for VMs, team their NICs with SR-IOV VFs, and manage pools of VFs.

    The hook changes the domains of KubeVirt VMs (hook; check, mutate and demo show what it does).
    Pools of VFs belong to a host with libvirt (pool, lease, vf). The agent of a KubeVirt node
    keeps pools and leases VFs to VMs (node). The doctor finds what will fail on a host (doctor).
    Domains without KubeVirt get free ports too (ports, topology).
    """


@app.command("hook")
def _hook() -> None:
    """Serve KubeVirt's hook API beside a VM; for its options, see portside hook --help."""
    raise typer.BadParameter("hook must be the first argument")  # sidecar.cli.main took it else
