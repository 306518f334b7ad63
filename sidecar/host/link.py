# SPDX-License-Identifier: Apache-2.0
"""A network interface by rtnetlink, and what the errors of it mean."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from sidecar.errors import HostError
from sidecar.host.sysfs import SYSFS

_WITH_VFS: Final = 1 | 8
"""RTEXT_FILTER_VF, and RTEXT_FILTER_SKIP_STATS: all VFs must fit into one attribute of 64 KiB."""
_UP: Final = 1
"""IFF_UP of netdevice(7)."""
_HINTS: Final = {
    errno.EOPNOTSUPP: "The driver does not support this setting: leave it out",
    errno.EPROTONOSUPPORT: "The driver does not support this VLAN protocol: use 802.1Q",
    errno.EPERM: "This needs CAP_NET_ADMIN in the PF's network namespace: run as root",
    errno.EINVAL: (
        "The driver rejects this value; for rates, some drivers need the PF's link up and "
        "support no minimum"
    ),
    errno.ERANGE: "The value is outside the driver's range",
    errno.EBUSY: "The VF or the PF is busy, perhaps resetting: try again",
    errno.EAGAIN: "The VF or the PF is busy, perhaps resetting: try again",
    errno.ENETDOWN: "Bring the PF up first",
    errno.ENODEV: "The interface no longer exists: see portside vf list",
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


class Link:
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
        """Tell whether it is administratively up; ``HostError`` if it is gone."""
        return bool(self._get(index=self._index)["flags"] & _UP)

    def vfs(self) -> Sequence[Any]:
        """Return the ``IFLA_VF_INFO`` of each VF; ``HostError`` if the interface is gone."""
        listed = self._get(index=self._index, ext_mask=_WITH_VFS).get_attr("IFLA_VFINFO_LIST")
        return () if listed is None else listed.get_attrs("IFLA_VF_INFO")

    def change(self, **what: Any) -> None:  # noqa: ANN401 - as __init__
        """Set what pyroute2 takes for a link; its errors and ``OSError`` are the caller's."""
        self._socket.link("set", index=self._index, **what)

    def _get(self, **which: Any) -> Any:  # noqa: ANN401 - as __init__
        try:
            return self._socket.link("get", **which)[0]
        except (NetlinkError, OSError) as error:
            gone = _number(error) == errno.ENODEV
            raise HostError(
                "no such network interface" if gone else "netlink failed",
                where=f"interface {self.ifname}",
                found="" if gone else say(error),
                todo=(
                    "It may be in another network namespace, or renamed: ip link shows all"
                    if gone
                    else ""
                ),
            ) from error


@contextmanager
def open_link(ifname: str) -> Iterator[Link]:
    """Open an interface's link, for as long as the context lasts.

    Raises:
        HostError: netlink cannot be opened, or there is no such interface.
    """
    try:
        socket = IPRoute(ext_ack=True)
    except (NetlinkError, OSError) as error:
        raise HostError("cannot open netlink", found=say(error)) from error
    with socket:
        yield Link(socket, ifname)


def _number(error: NetlinkError | OSError) -> int:
    return (error.code if isinstance(error, NetlinkError) else error.errno) or 0


def say(error: NetlinkError | OSError) -> str:
    """Return the errno's name and the driver's or kernel's own words, where it has any."""
    number = _number(error)
    return f"{errno.errorcode.get(number, number)} ({error.args[-1]})"


def hint(error: NetlinkError | OSError) -> str:
    """Return what to do about it, if that is known."""
    return _HINTS.get(_number(error), "")
