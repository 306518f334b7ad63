# SPDX-License-Identifier: Apache-2.0
"""Network interfaces by netlink: a PF's link, and the settings that it keeps for its VFs.

Everything happens in the network namespace of the calling process.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from sidecar.errors import HostError, RequestError
from sidecar.host import vf_attributes as attributes
from sidecar.host.sysfs import SYSFS
from sidecar.host.vf_attributes import Value, Values
from sidecar.model.settings import VfSettings

_WITH_VFS: Final = 1 | 8
"""RTEXT_FILTER_VF, and RTEXT_FILTER_SKIP_STATS: all VFs must fit into one attribute of 64 KiB."""
_UP: Final = 1
"""IFF_UP of netdevice(7)."""
_HINTS: Final = {
    errno.EOPNOTSUPP: "The driver does not have this setting: leave it out",
    errno.EPROTONOSUPPORT: "The driver has no such VLAN protocol: take 802.1Q",
    errno.EPERM: "It needs CAP_NET_ADMIN in the PF's network namespace: run it as root",
    errno.EINVAL: (
        "The driver does not take this value; for a rate, some also want the PF's link up and "
        "have no smallest one"
    ),
    errno.ERANGE: "The value is out of the driver's range",
    errno.EBUSY: "The VF or the PF is busy, by a reset perhaps: try again",
    errno.EAGAIN: "The VF or the PF is busy, by a reset perhaps: try again",
    errno.ENETDOWN: "Bring the PF up first",
    errno.ENODEV: "The interface is gone: look again with portside vf list",
}

# pyroute2 0.9.7 leaves the padding at the end of struct ifla_vf_vlan_info out, so that Linux
# since 6.10 answers EINVAL to every VLAN with a protocol (do_setvfinfo).
ifinfmsg.vflist.vfinfo.vf_vlist.ivvi.fields = (
    ("vf", "I"),
    ("vlan", "I"),
    ("qos", "I"),
    ("proto", ">H"),
    ("__pad", "2x"),
)


def read_settings(pf_ifname: str, index: int) -> VfSettings:
    """Read what a PF keeps for a VF; what it has not set, or does not say, is ``None``.

    Args:
        pf_ifname: the PF's network interface.
        index: the VF's number, from 0.

    Raises:
        HostError: there is no such interface or VF, or the driver says what cannot be.
    """
    with _open(pf_ifname) as link:
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
    with _open(pf_ifname) as link:
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
    with _open(ifname) as link:
        return link.is_up()


def set_up(ifname: str) -> None:
    """Bring an interface up, unless it is; its link may come later.

    Raises:
        HostError: there is no such interface, or it does not come up.
    """
    with _open(ifname) as link:
        if link.is_up():
            return
        try:
            link.change(state="up")
        except (NetlinkError, OSError) as error:
            raise HostError(
                f"{link.driver} does not bring the interface up",
                where=f"interface {ifname}",
                found=_say(error),
                todo=_hint(error) or "See the kernel's log",
            ) from error
        if not link.is_up():
            raise HostError(
                f"{link.driver} took it and the interface is down",
                where=f"interface {ifname}",
                todo="Something else sets it down, or the driver: see the kernel's log",
            )


class _Link:
    """A network interface, by its number: names move."""

    def __init__(self, socket: Any, ifname: str) -> None:  # noqa: ANN401 - pyroute2 has no types
        self._socket = socket
        self.ifname = ifname
        self._index: int = self._get(ifname=ifname)["index"]

    @property
    def driver(self) -> str:
        """What to call the driver in an error."""
        try:
            return f"driver {(SYSFS / 'class/net' / self.ifname / 'device/driver').readlink().name}"
        except OSError:
            return "the driver"

    def is_up(self) -> bool:
        return bool(self._get(index=self._index)["flags"] & _UP)

    def vfs(self) -> Sequence[Any]:
        listed = self._get(index=self._index, ext_mask=_WITH_VFS).get_attr("IFLA_VFINFO_LIST")
        return () if listed is None else listed.get_attrs("IFLA_VF_INFO")

    def change(self, **what: Any) -> None:  # noqa: ANN401 - as __init__
        self._socket.link("set", index=self._index, **what)

    def _get(self, **which: Any) -> Any:  # noqa: ANN401 - as __init__
        try:
            return self._socket.link("get", **which)[0]
        except (NetlinkError, OSError) as error:
            gone = _number(error) == errno.ENODEV
            raise HostError(
                "there is no such network interface" if gone else "netlink fails",
                where=f"interface {self.ifname}",
                found="" if gone else _say(error),
                todo=(
                    "It may be in another network namespace, or renamed: ip link shows all"
                    if gone
                    else ""
                ),
            ) from error


class _Vf:
    """One VF as its PF sees it."""

    def __init__(self, link: _Link, index: int, where: str) -> None:
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
            todo="portside vf list shows them all",
        )

    def set(self, name: str, value: Value, before: Value) -> None:
        try:
            self._link.change(vf=attributes.encode(self._index, name, value))
        except (NetlinkError, OSError) as error:
            raise HostError(
                f"{self._link.driver} refuses {attributes.describe(name, value)}",
                where=self.where,
                found=f"{_say(error)}; before: {attributes.describe(name, before)}",
                todo=_hint(error),
            ) from error

    def compare(self, wanted: Values, after: Values) -> None:
        """Make sure that all is as wanted: some drivers say yes and do something else."""
        for name, value in wanted.items():
            if after[name] != value:
                raise HostError(
                    f"{self._link.driver} took {attributes.describe(name, value)} and has "
                    "something else",
                    where=self.where,
                    found=attributes.describe(name, after[name]),
                    expected=attributes.describe(name, value),
                    todo="Without a reading that agrees the setting cannot be relied on",
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
        return f"putting back what was set before failed: {error}"
    return ", ".join(
        f"{attributes.describe(name, now[name])} instead of {attributes.describe(name, value)}"
        for name, value in before.items()
        if now[name] != value
    )


def _with_remains(error: HostError, remains: str) -> HostError:
    state = f"It remains: {remains}" if remains else "All settings are as before"
    todo = f"{error.todo}. {state}" if error.todo else state
    return HostError(
        error.what, where=error.where, found=error.found, expected=error.expected, todo=todo
    )


@contextmanager
def _open(ifname: str) -> Iterator[_Link]:
    try:
        socket = IPRoute(ext_ack=True)
    except (NetlinkError, OSError) as error:
        raise HostError("netlink cannot be opened", found=_say(error)) from error
    with socket:
        yield _Link(socket, ifname)


def _to_settings(values: Values, where: str) -> VfSettings:
    try:
        return attributes.to_settings(values)
    except RequestError as error:
        raise HostError(
            f"the driver says what cannot be: {error.what}", where=where, found=error.found
        ) from error


def _number(error: NetlinkError | OSError) -> int:
    return (error.code if isinstance(error, NetlinkError) else error.errno) or 0


def _say(error: NetlinkError | OSError) -> str:
    """Return the errno's name and the driver's or kernel's own words, where it has any."""
    number = _number(error)
    return f"{errno.errorcode.get(number, number)} ({error.args[-1]})"


def _hint(error: NetlinkError | OSError) -> str:
    return _HINTS.get(_number(error), "")
