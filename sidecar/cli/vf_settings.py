# SPDX-License-Identifier: Apache-2.0
"""A VF's settings for a terminal."""

from collections.abc import Mapping

from rich.table import Table

from sidecar.model.settings import VfSettings


def say_settings(settings: VfSettings) -> Mapping[str, str]:
    """Return name and value of each setting; ``-`` is what is not set or not said."""
    return {
        "MAC": "-" if settings.mac is None else str(settings.mac),
        "VLAN": "-" if settings.vlan is None else str(settings.vlan),
        "Trust": _say_switch(settings.trust),
        "Spoof check": _say_switch(settings.spoofchk),
        "Link state": settings.link_state or "-",
        "Min tx rate": _say_rate(settings.min_tx_rate),
        "Max tx rate": _say_rate(settings.max_tx_rate),
    }


def draw_settings(settings: VfSettings) -> Table:
    """Return a line for each setting."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in say_settings(settings).items():
        table.add_row(f"{name}:", value)
    return table


def _say_switch(on: bool | None) -> str:  # noqa: FBT001 - a value to show
    return "-" if on is None else "on" if on else "off"


def _say_rate(rate: int | None) -> str:
    return "-" if rate is None else f"{rate} Mbit/s" if rate else "none"
