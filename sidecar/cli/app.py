# SPDX-License-Identifier: Apache-2.0
"""The commands that people type; each lives in a module of its own."""

import typer

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
    help="Reserves PCIe root ports for KubeVirt VMs, teams their NICs, adds VFs.",
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


@app.command("hook")
def _hook() -> None:
    """Serve KubeVirt's hook API; see ``portside hook --help``."""
    raise typer.BadParameter("hook must be the first argument")  # sidecar.cli.main took it else
