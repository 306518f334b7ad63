# SPDX-License-Identifier: Apache-2.0
"""What is seen where something cannot be read."""

from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.model.availability import Availability
from sidecar.model.pci import PciAddress
from sidecar.node.agent.look import look
from sidecar.node.observe import observe, observe_host
from sidecar.pool.availability import NO_LIBVIRT
from tests.fakes.host import PFS, Host

FIRST, SECOND = (PciAddress.parse(pf.address) for pf in PFS)


def test_no_vf_is_free_of_a_pf_whose_records_cannot_be_read(tmp_path: Path) -> None:
    host = Host(tmp_path)
    with host.store.lock(FIRST) as held:
        held.write_record(held.record())
    record = host.state / "pfs" / str(FIRST) / "pf.json"
    record.unlink()
    record.mkdir()
    seen = observe_host(host.node, NO_LIBVIRT)
    assert set(seen.unreadable) == {FIRST}
    assert str(record) in seen.error
    words = {
        pf: {one.availability for one in view.assessments.values()}
        for pf, view in seen.views.items()
    }
    assert words == {FIRST: {Availability.UNKNOWN}, SECOND: {Availability.FREE}}
    assert "records cannot be read" in seen.assessments[PciAddress.parse(host.vf(0))].why
    with pytest.raises(HostError):
        observe(host.node, seen.views[FIRST].pf, seen.inventory, NO_LIBVIRT)
    with pytest.raises(HostError, match="records cannot be read"):
        look(host.node, NO_LIBVIRT)
