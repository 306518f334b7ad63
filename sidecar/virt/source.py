# SPDX-License-Identifier: Apache-2.0
"""The libvirt source of controllers: what libvirt itself would append."""

from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.domainxml.reservation.skeleton import DefinedSource
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.virt.connection import open_libvirt


@contextmanager
def libvirt_source(uri: str | None = None) -> Iterator[ControllerSource]:
    """Plan with a real libvirt, which defines a skeleton of each domain for it.

    Args:
        uri: any libvirt URI; None is the embedded driver (see open_libvirt).

    Raises:
        HostError: as open_libvirt.
    """
    with open_libvirt(uri) as libvirt:
        yield DefinedSource(libvirt.define_and_dump)
