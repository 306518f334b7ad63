# SPDX-License-Identifier: Apache-2.0
"""Small domains, and errors as users read them."""

from collections.abc import Callable
from typing import ParamSpec

import pytest
from lxml import etree

from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import Layout, lay_out
from sidecar.errors import PortsideError
from tests.unit.domainxml.trees import written

P = ParamSpec("P")


def tree(*devices: str, machine: str = "q35", arch: str = "x86_64") -> etree._Element:
    """A parsed domain, without balloon and USB unless it says so."""
    return etree.fromstring(written(*devices, machine=machine, arch=arch))


def element(xml: str) -> etree._Element:
    return etree.fromstring(xml)


def layout(*devices: str, machine: str = "q35", arch: str = "x86_64") -> Layout:
    return lay_out(take_inventory(tree(*devices, machine=machine, arch=arch)))


def refusal(
    kind: type[PortsideError], call: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> PortsideError:
    """Return the error with which a call ends; of exactly this class."""
    with pytest.raises(kind) as caught:
        call(*args, **kwargs)
    assert type(caught.value) is kind
    return caught.value
