# SPDX-License-Identifier: Apache-2.0
"""Domains to draw: recorded boots, and one for each odd shape."""

import json

from sidecar.domainxml.comparison import Comparison, compare
from sidecar.domainxml.topology import Topology, read_topology
from sidecar.hook.define_domain import Settings, define_domain
from tests.support import RECORDINGS
from tests.unit.domainxml.trees import address, nic, port, written

OFF = "<target hotplug='off'/>"
ODD = {
    "empty": written(),
    "pc": written(nic("a"), nic("b"), machine="pc"),
    "pseries": written(nic("a"), machine="pseries", arch="ppc64"),
    "s390x": written(nic("a"), machine="s390-ccw-virtio", arch="s390x"),
    "bridge": written(nic("a"), "<watchdog model='i6300esb'/>", "<sound model='ich6'/>"),
    "locked": written(port(1, OFF), port(2, OFF), port(3), nic("a", address(2))),
    "expander": written(
        port(1, "<target busNr='180'/>", "pcie-expander-bus"),
        port(2, address(1)),
        port(3, address(2), "pcie-switch-upstream-port"),
        port(4, address(3), "pcie-switch-downstream-port"),
        port(5, address(3, 1) + OFF, "pcie-switch-downstream-port"),
        *(port(6 + n, address(0, 6 + n)) for n in range(12)),
        nic("deep", address(4)),
    ),
    "crowd": written(*(nic(f"a-network-with-a-rather-long-name-{n}") for n in range(40))),
    "functions": written(port(1), *(nic(f"f{n}", address(1, 0, n)) for n in range(8))),
    "names": written(nic("&lt;/title&gt;&amp;&quot;&apos;]]&gt;"), nic("\u65e5\u672c\u8a9e" * 9)),
}


def recorded_change(boot: str, call: int, **annotations: str) -> Comparison:
    """Compare a recorded call with what the engine makes of it; keys are Portside's."""
    folder = RECORDINGS / boot
    vmi = json.loads((folder / f"pass{call}-vmi.json").read_bytes())
    vmi["metadata"]["annotations"] |= {f"portside.io/{k}": v for k, v in annotations.items()}
    sent = (folder / f"pass{call}-to-hook.xml").read_bytes()
    changed = define_domain(json.dumps(vmi).encode(), sent, Settings()).mutation.domain
    return compare(read_topology(sent), read_topology(changed))


def all_topologies() -> dict[str, Topology]:
    """Every picture that the tests look at, by name."""
    found = {name: read_topology(xml) for name, xml in ODD.items()}
    for path in sorted(RECORDINGS.glob("*/*.xml")):
        found[f"{path.parent.name}-{path.stem}"] = read_topology(path.read_bytes())
    return found
