# SPDX-License-Identifier: Apache-2.0
"""A function's address as people type it."""

from typing import Annotated

import typer

from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress

Address = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="0000:3b:02.1, 3b:02.1 or pci_0000_3b_02_1.")
]


def parse_address(text: str) -> PciAddress:
    """Read an address as lspci or as libvirt's node devices write it.

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
        raise typer.BadParameter(str(error), param_hint="ADDRESS") from error
