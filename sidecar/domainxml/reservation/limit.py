# SPDX-License-Identifier: Apache-2.0
"""``portside.io/max-ports``: the root ports of the domain that boots, known in the first call.

A call after the first is too late to refuse: KubeVirt boots the domain of an earlier call.
"""

from dataclasses import dataclass

from sidecar.domainxml.kubevirt.ports import MAX_INDEX
from sidecar.errors import RequestError
from sidecar.model.ports import MachineFamily, PortCount


@dataclass(frozen=True, slots=True)
class Outlook:
    """What KubeVirt still does to a domain before it boots.

    Args:
        extra: root ports that it wants to append.
        extra_first: it appends them before our next call, and not after it.
        freed: ports that placeholders hold now.
        highest: index of the last PCI controller, once libvirt has read this call's domain.
    """

    extra: int
    extra_first: bool
    freed: int
    highest: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Root ports when the VM boots: in all, and by whom they are."""

    total: int
    ours: int
    kubevirts: int


def forecast(before: PortCount, now: PortCount, free: int, outlook: Outlook) -> Forecast:
    """Tell the ports of the domain that boots.

    Args:
        before: the ports without us, as this call's domain would boot.
        now: the same, with what we added in this call.
        free: ports to be free when the domain boots.
        outlook: what comes.
    """
    unheld = now.free + outlook.freed
    room = max(0, MAX_INDEX - outlook.highest)
    if outlook.extra_first:
        extra = min(outlook.extra, room)
        growth = max(0, free - unheld - extra)
    else:
        growth = max(0, free - unheld)
        extra = min(outlook.extra, max(0, room - growth))
    total = now.total + growth + extra
    return Forecast(total, total - extra - before.total, extra)


def check_limit(limit: int | None, before: PortCount, free: int, ports: Forecast) -> None:
    """Refuse a domain that would boot with more root ports than its VM may have.

    Raises:
        RequestError: it would.
    """
    if limit is None or before.family is not MachineFamily.PCIE or ports.total <= limit:
        return
    raise RequestError(
        "the VM's root ports exceed the limit",
        where="annotation portside.io/max-ports",
        found=f"{ports.total} root ports at boot: {before.total} without Portside, "
        f"{ports.ours} of Portside so that {free} are free, "
        f"{ports.kubevirts} that KubeVirt appends by itself",
        expected=f"at most {limit}",
        todo="Raise the limit or ask for less.",
    )
