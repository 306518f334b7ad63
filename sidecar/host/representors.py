# SPDX-License-Identifier: Apache-2.0
"""Which network interfaces in a PF's folder are the PF's own.

A card in switchdev mode has, below its PF, one more interface for each port of its embedded
switch: the representors. Linux, ``Documentation/networking/representors.rst`` and the port
names that ``devlink`` gives (``__devlink_port_phys_port_name_get``).
"""

import re
from dataclasses import replace
from typing import Final

from sidecar.host.sysfs import Folder
from sidecar.model.vf import UNKNOWN, NetInterface, Unknown

_REPRESENTOR: Final = re.compile(r"(c[0-9]+)?pf[0-9]+(vf[0-9]+|sf[0-9]+)?")
"""``pf0vf3``, ``pf0sf88``, and of another host's functions ``c1pf0vf3``, ``c1pf0``."""
_PORT: Final = re.compile(r"p[0-9]+(s[0-9]+)?")
"""A port of the card, ``p0``; ``p0s1`` if that is split."""


def own_interfaces(
    folder: Folder, interfaces: tuple[NetInterface, ...] | Unknown
) -> tuple[NetInterface, ...] | Unknown:
    """Return a PF's own interfaces, without representors, each with its link layer.

    Args:
        folder: the PF's, open.
        interfaces: all that stand below it.
    """
    if interfaces is UNKNOWN:
        return UNKNOWN
    ports = {one.name: _text(folder, one.name, "phys_port_name") for one in interfaces}
    switches = {one.name: _text(folder, one.name, "phys_switch_id") for one in interfaces}
    # Where a switch's own port is named, all its others are representors, however called:
    # mlx5 before Linux 5.0 names them by the VF's number alone.
    named = {switches[name] for name, port in ports.items() if _PORT.fullmatch(port)} - {""}
    return tuple(
        replace(one, hardware=folder.number(f"net/{one.name}/type"))
        for one in interfaces
        if not _is_representor(ports[one.name], switched=switches[one.name] in named)
    )


def _is_representor(port: str, *, switched: bool) -> bool:
    if _PORT.fullmatch(port):
        return False
    return switched or _REPRESENTOR.fullmatch(port) is not None


def _text(folder: Folder, interface: str, name: str) -> str:
    """Read an attribute; most drivers have none, and the kernel answers EOPNOTSUPP."""
    text = folder.text(f"net/{interface}/{name}")
    return "" if text is None or text is UNKNOWN else text
