# SPDX-License-Identifier: Apache-2.0
"""A pool's definition goes to libvirt without ``<vf>``, and comes back with it."""

from sidecar.domainxml.network import read_network, write_minimum
from sidecar.model.pool import PoolDefinition

WRITTEN = b"""\
<network>
  <name>sriov-pool</name>
  <forward mode='hostdev' managed='yes'>
    <pf dev='eth1'><vf num='10'/></pf>
  </forward>
</network>
"""


def test_what_libvirt_tells_reads_as_what_was_written() -> None:
    definition, network = read_network(WRITTEN)
    assert definition == PoolDefinition("sriov-pool", "eth1", 10)
    assert b"vf num" not in network
    assert read_network(write_minimum(network, definition.minimum)) == (definition, network)
