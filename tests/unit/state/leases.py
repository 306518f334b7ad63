# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime

from sidecar.model.lease import Holder, HolderKind
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import LinkState, PortVlan, VfSettings, VlanProtocol
from sidecar.state.store import Store

PF = PciAddress.parse("0000:01:00.0")
OTHER = PciAddress.parse("0000:02:00.0")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANN = Holder(HolderKind.VMI, "shop/ann", "1")
BOB = Holder(HolderKind.DOMAIN, "bob", "2")
ALL = VfSettings(
    MacAddress("52:54:00:12:34:56"),
    PortVlan(7, 3, VlanProtocol.DOT1AD),
    trust=True,
    spoofchk=False,
    link_state=LinkState.ENABLE,
    min_tx_rate=0,
    max_tx_rate=100,
)
NOW_TEXT = "2026-01-02T00:00:00.000Z)"


def lease_one(store: Store, index: int = 3, holder: Holder = ANN) -> None:
    with store.lock(PF) as held:
        held.confirm(held.take(index, holder, ALL, "blue", NOW), NOW)
