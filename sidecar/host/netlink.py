# SPDX-License-Identifier: Apache-2.0
"""Network interfaces by netlink: a PF's link, and the settings that it keeps for its VFs.

Everything happens in the network namespace of the calling process.
"""

from collections.abc import Sequence

from pyroute2.netlink.exceptions import NetlinkError

from sidecar.errors import HostError, RequestError
from sidecar.host import vf_attributes as attributes
from sidecar.host.link import Link, hint, open_link, say
from sidecar.host.vf_attributes import Value, Values
from sidecar.model.settings import VfSettings


def read_settings(pf_ifname: str, index: int) -> VfSettings:
    """Read what a PF keeps for a VF; what it has not set, or does not say, is ``None``.

    Args:
        pf_ifname: the PF's network interface.
        index: the VF's number, from 0.

    Raises:
        HostError: there is no such interface or VF, or the driver says what cannot be.
    """
    with open_link(pf_ifname) as link:
        return _to_settings(_Vf(link, index, "").read(), f"VF {index} of PF {pf_ifname}")


def apply_settings(
    pf_ifname: str, index: int, settings: VfSettings, *, where: str = ""
) -> VfSettings:
    """Set what is not ``None``, one attribute after the other, and make sure that it holds.

    The MAC address reaches a VF's interface that is there already at the VF's next bind only.

    Args:
        pf_ifname: the PF's network interface.
        index: the VF's number, from 0.
        settings: what to set; whether the VF is free to be changed is the caller's to know.
        where: the object that errors name, if not ``VF N of PF NAME``.

    Returns:
        All settings as they are then.

    Raises:
        HostError: there is no such interface or VF, or the driver refuses or does something
            else; what was set before is put back then, or the error says what remains.
    """
    with open_link(pf_ifname) as link:
        vf = _Vf(link, index, where)
        before = vf.read()
        wanted = attributes.wanted(settings, before)
        try:
            for name, value in wanted.items():
                vf.set(name, value, before[name])
            after = vf.read()
            vf.compare(wanted, after)
        except HostError as error:
            raise _with_remains(error, _put_back(vf, tuple(wanted), before)) from error
        return _to_settings(after, vf.where)


def is_up(ifname: str) -> bool:
    """Tell whether an interface is administratively up.

    Raises:
        HostError: there is no such interface.
    """
    with open_link(ifname) as link:
        return link.is_up()


def set_up(ifname: str) -> None:
    """Bring an interface up, unless it is; its link may come later.

    Raises:
        HostError: there is no such interface, or it does not come up.
    """
    with open_link(ifname) as link:
        if link.is_up():
            return
        try:
            link.change(state="up")
        except (NetlinkError, OSError) as error:
            raise HostError(
                f"{link.driver} did not bring the interface up",
                where=f"interface {ifname}",
                found=say(error),
                todo=hint(error) or "See the kernel log",
            ) from error
        if not link.is_up():
            raise HostError(
                f"{link.driver} reported success, but the interface is still down",
                where=f"interface {ifname}",
                todo="Something else or the driver sets it down: see the kernel log",
            )


class _Vf:
    """One VF as its PF sees it."""

    def __init__(self, link: Link, index: int, where: str) -> None:
        self._link = link
        self._index = index
        self.where = where or f"VF {index} of PF {link.ifname}"

    def read(self) -> Values:
        vfs = self._link.vfs()
        for info in vfs:
            mac = info.get_attr("IFLA_VF_MAC")
            if mac is not None and mac["vf"] == self._index:
                return attributes.decode(info)
        raise HostError(
            "the PF has no such VF",
            where=self.where,
            found=f"VFs 0 to {len(vfs) - 1}" if vfs else "no VF",
            todo="portside vf list shows all of them",
        )

    def set(self, name: str, value: Value, before: Value) -> None:
        try:
            self._link.change(vf=attributes.encode(self._index, name, value))
        except (NetlinkError, OSError) as error:
            raise HostError(
                f"{self._link.driver} refuses {attributes.describe(name, value)}",
                where=self.where,
                found=f"{say(error)}; before: {attributes.describe(name, before)}",
                todo=hint(error),
            ) from error

    def compare(self, wanted: Values, after: Values) -> None:
        """Make sure that all is as wanted: some drivers say yes and do something else."""
        for name, value in wanted.items():
            if after[name] != value:
                raise HostError(
                    f"{self._link.driver} took {attributes.describe(name, value)} but has "
                    "another value",
                    where=self.where,
                    found=attributes.describe(name, after[name]),
                    expected=attributes.describe(name, value),
                    todo="The setting cannot be relied on unless it reads back as set",
                )


def _put_back(vf: _Vf, names: Sequence[str], before: Values) -> str:
    """Set again what was there before, the last first; return what does not come back."""
    try:
        now = vf.read()
        for name in reversed(names):
            if now[name] != before[name] and before[name] is not None:
                vf.set(name, before[name], now[name])
        now = vf.read()
    except HostError as error:
        return f"restoring the earlier settings failed: {error}"
    return ", ".join(
        f"{attributes.describe(name, now[name])} instead of {attributes.describe(name, value)}"
        for name, value in before.items()
        if now[name] != value
    )


def _with_remains(error: HostError, remains: str) -> HostError:
    state = f"Still set: {remains}" if remains else "All earlier settings were restored"
    todo = f"{error.todo}. {state}" if error.todo else state
    return HostError(
        error.what, where=error.where, found=error.found, expected=error.expected, todo=todo
    )


def _to_settings(values: Values, where: str) -> VfSettings:
    try:
        return attributes.to_settings(values)
    except RequestError as error:
        raise HostError(
            f"the driver reports an impossible value: {error.what}", where=where, found=error.found
        ) from error
