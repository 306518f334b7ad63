# SPDX-License-Identifier: Apache-2.0
"""A pool's definition: what people write, and what libvirt gets of it."""

from sidecar.domainxml.network import read_network, write_minimum
from sidecar.model.pool import PoolDefinition


def read_pool(xml: bytes) -> tuple[PoolDefinition, bytes]:
    """Read a pool's network definition.

    Returns:
        the pool, and the network for libvirt: without ``<vf>``, which its schema refuses.

    Raises:
        RequestError: the XML is no pool; the error has path, found and expected.
    """
    return read_network(xml)


def show_pool(libvirt_xml: bytes, minimum: int | None) -> bytes:
    """Return a pool's definition for people: libvirt's XML of the network, with ``<vf>``.

    Raises:
        RequestError: the network is no pool.
    """
    return write_minimum(libvirt_xml, minimum)
