# SPDX-License-Identifier: Apache-2.0
"""Addresses as people type them: one that is none is a usage error, whichever command gets it."""

from typing import Annotated

import typer

from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress

Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="0000:3b:02.1, 3b:02.1 or pci_0000_3b_02_1.")
]


def parse_address(text: str, option: str = "ADDRESS") -> PciAddress:
    """Read an address as lspci or as libvirt's node devices write it.

    Args:
        text: as it was typed.
        option: that it was typed for.

    Raises:
        typer.BadParameter: it is none.
    """
    if text.startswith("pci_"):
        domain, _, rest = text.removeprefix("pci_").partition("_")
        bus, _, rest = rest.partition("_")
        text = f"{domain}:{bus}:{rest.replace('_', '.')}"
    try:
        return PciAddress.parse(text)
    except RequestError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def parse_mac(text: str | None) -> MacAddress | None:
    """Read the value of ``--mac``, ``None`` without one.

    Raises:
        typer.BadParameter: it is no MAC address that an interface can have.
    """
    try:
        return None if text is None else MacAddress.parse(text)
    except RequestError as error:
        raise typer.BadParameter(str(error), param_hint="--mac") from error
