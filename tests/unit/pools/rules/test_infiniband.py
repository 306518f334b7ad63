# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from sidecar.errors import RequestError
from sidecar.model.request import AttachAs
from sidecar.model.vf import PhysicalFunction
from sidecar.pools.rules.infiniband import check_ethernet, describe_infiniband
from tests.unit.pools.rules.situations import interface, situation


def card(hardware: int) -> PhysicalFunction:
    one = replace(interface("ib0"), hardware=hardware)
    return replace(situation().view.pf, interfaces=(one,))


@pytest.mark.parametrize(
    ("kind", "sets_address"),
    [(AttachAs.INTERFACE, False), (AttachAs.NETWORK, False), (AttachAs.HOSTDEV, True)],
)
def test_an_infiniband_vf_is_a_plain_hostdev_and_nothing_else(
    kind: AttachAs, *, sets_address: bool
) -> None:
    with pytest.raises(RequestError, match=r"ib0 is InfiniBand, .*expected --as hostdev, without"):
        check_ethernet(card(32), kind, sets_address=sets_address, where="pool fast")
    check_ethernet(card(32), AttachAs.HOSTDEV, sets_address=False, where="pool fast")
    check_ethernet(card(1), kind, sets_address=sets_address, where="pool fast")
    assert describe_infiniband(card(1)) == ()
