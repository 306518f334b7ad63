# SPDX-License-Identifier: Apache-2.0
"""A PF's interface as netlink shows it: keeps what is set for the VFs, and may refuse."""

from dataclasses import fields, replace

from sidecar.errors import HostError
from sidecar.model.settings import VfSettings


class FakeLinks:
    """Stands where ``sidecar.host.netlink`` does.

    ``refused`` are VFs that no setting reaches, ``breaking`` those that one reaches and then none.
    """

    def __init__(self) -> None:
        self.up: set[str] = set()
        self.settings: dict[tuple[str, int], VfSettings] = {}
        self.refused: set[int] = set()
        self.breaking: set[int] = set()
        self.calls = 0

    def set_up(self, ifname: str) -> None:
        self.calls += 1
        self.up.add(ifname)

    def read_settings(self, pf_ifname: str, index: int) -> VfSettings:
        return self.settings.get((pf_ifname, index), VfSettings())

    def apply_settings(
        self, pf_ifname: str, index: int, settings: VfSettings, *, where: str = ""
    ) -> VfSettings:
        self.calls += 1
        if index in self.refused:
            raise HostError("the driver refuses it", where=where, found="EPERM")
        self.refused |= self.breaking & {index}
        before = self.read_settings(pf_ifname, index)
        asked = {one.name: getattr(settings, one.name) for one in fields(settings)}
        after = replace(before, **{name: one for name, one in asked.items() if one is not None})
        self.settings[pf_ifname, index] = after
        return after
