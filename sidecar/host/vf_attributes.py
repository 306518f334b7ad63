# SPDX-License-Identifier: Apache-2.0
"""A VF's settings as netlink has them: ``IFLA_VF_*`` of Linux's ``if_link.h``.

Values are kept as the kernel says them, so that what was there can be put back exactly: an
all-zero MAC address, or a priority without a VLAN, which ``VfSettings`` does not have.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sidecar.model.mac import MacAddress
from sidecar.model.settings import (
    MAX_QOS,
    MAX_VLAN,
    LinkState,
    PortVlan,
    VfSettings,
    VlanProtocol,
)

NO_MAC: Final = "00:00:00:00:00:00"
"""The PF has set none: the VF makes one up."""

_NOT_SAID: Final = 0xFFFF_FFFF
"""What the kernel fills in where a driver does not say (``rtnl_fill_vfinfo``: -1)."""
_PROTOCOLS: Final = {VlanProtocol.DOT1Q: 0x8100, VlanProtocol.DOT1AD: 0x88A8}
_BY_ETHERTYPE: Final = {number: protocol for protocol, number in _PROTOCOLS.items()}
_STATES: Final = (LinkState.AUTO, LinkState.ENABLE, LinkState.DISABLE)
"""By the number that netlink has for it (``IFLA_VF_LINK_STATE_*``)."""


class Rate(NamedTuple):
    """Both rates in Mbit/s: netlink takes them together only."""

    smallest: int
    largest: int

    def __str__(self) -> str:
        return f"min_tx_rate {self.smallest} max_tx_rate {self.largest}"


Value = str | PortVlan | bool | int | Rate | None
"""``None``: the driver does not say. ``int``: a link state."""
Values = Mapping[str, Value]
"""By the attribute's name."""

MAC: Final = "mac"
VLAN: Final = "vlan"
SPOOFCHK: Final = "spoofchk"
TRUST: Final = "trust"
LINK_STATE: Final = "link_state"
RATE: Final = "rate"


def decode(info: Any) -> Values:  # noqa: ANN401 - pyroute2 has no annotations
    """Return the settings in one ``IFLA_VF_INFO``."""
    mac, rate = info.get_attr("IFLA_VF_MAC"), info.get_attr("IFLA_VF_RATE")
    state = info.get_attr("IFLA_VF_LINK_STATE")
    return {
        MAC: None if mac is None else mac["mac"],
        VLAN: _decode_vlan(info),
        SPOOFCHK: _decode_switch(info.get_attr("IFLA_VF_SPOOFCHK"), "spoofchk"),
        TRUST: _decode_switch(info.get_attr("IFLA_VF_TRUST"), "trust"),
        LINK_STATE: None if state is None else state["link_state"],
        RATE: None if rate is None else Rate(rate["min_tx_rate"], rate["max_tx_rate"]),
    }


def encode(index: int, name: str, value: Value) -> dict[str, Any]:
    """Return what sets one attribute of VF ``index``, in the form of pyroute2's ``vf=``."""
    match value:
        case PortVlan(id=number, qos=qos, protocol=protocol):
            vlan = {"vlan": number, "qos": qos}
            # Kernels before 4.9 know the plain form only; 802.1ad needs the list.
            plain = protocol is VlanProtocol.DOT1Q
            tagged = vlan | {"proto": _PROTOCOLS[protocol]}
            return {"vf": index, "vlan": vlan if plain else [tagged]}
        case Rate(smallest=smallest, largest=largest):
            return {"vf": index, "rate": {"min_tx_rate": smallest, "max_tx_rate": largest}}
        case bool():
            return {"vf": index, name: int(value)}
        case _:
            return {"vf": index, name: value}


def wanted(settings: VfSettings, now: Values) -> Values:
    """Return what settings ask for, in the order to set it.

    Args:
        settings: what is asked for.
        now: as it is: of two rates the one that is not asked for stays.
    """
    return {name: value for name, value in _wanted(settings, now) if value is not None}


def _wanted(settings: VfSettings, now: Values) -> Iterator[tuple[str, Value]]:
    yield MAC, None if settings.mac is None else str(settings.mac)
    yield VLAN, settings.vlan
    yield SPOOFCHK, settings.spoofchk
    yield TRUST, settings.trust
    yield LINK_STATE, None if settings.link_state is None else _STATES.index(settings.link_state)
    if settings.min_tx_rate is not None or settings.max_tx_rate is not None:
        rate = now[RATE]
        smallest, largest = rate if isinstance(rate, Rate) else (0, 0)
        if settings.min_tx_rate is not None:
            smallest = settings.min_tx_rate
        if settings.max_tx_rate is not None:
            largest = settings.max_tx_rate
        yield RATE, Rate(smallest, largest)


def to_settings(values: Values) -> VfSettings:
    """Return values as the rest of Portside has them; what is not said or not set is ``None``.

    Raises:
        RequestError: the driver says something that cannot be.
    """
    mac, vlan, state, rate = (values[name] for name in (MAC, VLAN, LINK_STATE, RATE))
    spoofchk, trust = values[SPOOFCHK], values[TRUST]
    rates = rate if isinstance(rate, Rate) else (None, None)
    known = isinstance(state, int) and state < len(_STATES)
    return VfSettings(
        mac=MacAddress(mac) if isinstance(mac, str) and mac != NO_MAC else None,
        vlan=_to_vlan(vlan) if isinstance(vlan, PortVlan) else None,
        trust=trust if isinstance(trust, bool) else None,
        spoofchk=spoofchk if isinstance(spoofchk, bool) else None,
        link_state=_STATES[state] if isinstance(state, int) and known else None,
        min_tx_rate=rates[0],
        max_tx_rate=rates[1],
    )


def describe(name: str, value: Value) -> str:
    """Return an attribute and its value for people, e.g. ``vlan 100 qos 0 802.1Q``."""
    match value:
        case None:
            return f"{name} unknown"
        case Rate():
            return str(value)
        case bool():
            return f"{name} {'on' if value else 'off'}"
        case int() if value < len(_STATES):
            return f"{name} {_STATES[value]}"
        case _:
            return f"{name} {value}"


def _to_vlan(vlan: PortVlan) -> PortVlan:
    """Return a VLAN as settings have it: of none, the priority means nothing."""
    return vlan if vlan.id else PortVlan(0)


def _decode_vlan(info: Any) -> PortVlan | None:  # noqa: ANN401 - as decode
    listed = info.get_attr("IFLA_VF_VLAN_LIST")
    first = None if listed is None else listed.get_attr("IFLA_VF_VLAN_INFO")
    if first is not None:
        return _make_vlan(first["vlan"], first["qos"], first["proto"])
    plain = info.get_attr("IFLA_VF_VLAN")
    if plain is None:
        return None
    return _make_vlan(plain["vlan"], plain["qos"], _PROTOCOLS[VlanProtocol.DOT1Q])


def _make_vlan(number: int, qos: int, ethertype: int) -> PortVlan | None:
    """Return what a driver says; ``None`` for what no driver would take back either."""
    if number > MAX_VLAN or qos > MAX_QOS or ethertype not in _BY_ETHERTYPE:
        return None
    return PortVlan(number, qos, _BY_ETHERTYPE[ethertype])


def _decode_switch(attribute: Any, key: str) -> bool | None:  # noqa: ANN401 - as decode
    if attribute is None or attribute[key] == _NOT_SAID:
        return None
    return bool(attribute[key])
