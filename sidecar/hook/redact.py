# SPDX-License-Identifier: Apache-2.0
"""Takes secrets out of domain XML before it is logged.

Works on text, not on a tree: what cannot be parsed is logged too, when a call fails.
Names are matched with any namespace prefix. It rather removes too much. No possessive
quantifier around a lookahead: Python 3.11.2 takes one match too many then.
"""

import re

MAX_LOGGED = 256 * 1024
"""Characters of a domain that are looked at and logged; the rest is only counted."""
REMOVED = "[removed]"

_QUOTED = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))"""
_PREFIX = r"(?:[\w.-]+:)?"
_INSIDE = rf"""(?:[^"'<>]|{_QUOTED})*+"""

_ATTRIBUTE = re.compile(rf"""(\s(?:passwd|password|secret|key)\s*=\s*){_QUOTED}""")
"""``<graphics passwd=...>``, and whatever is called like that."""

_QEMU = re.compile(rf"<{_PREFIX}(?:arg|env)\s{_INSIDE}>?")
_QEMU_VALUE = re.compile(rf"(\svalue\s*=\s*)({_QUOTED})")
_PLAIN_ARGUMENT = re.compile(r"""["']-[a-z][a-z_-]*["']""")
"""``-fw_cfg`` and ``-object secret,data=...`` carry ignition, passwords and keys, so of
``<qemu:commandline>`` only the names of options stay."""

_ELEMENTS = re.compile(
    rf"(<(?P<name>{_PREFIX}(?:oemStrings|secret|session|dhCert|idBlock|idAuth|hostData))"
    rf"(?:\s{_INSIDE})?(?<!/)>)(?:(?!</(?P=name)).)*",
    re.DOTALL,
)
"""``<oemStrings>`` carries credentials for systemd, ``<launchSecurity>`` keys."""

_FIRMWARE = re.compile(
    rf"""(<{_PREFIX}sysinfo\s(?:[^"'<>]|{_QUOTED})*?type\s*=\s*["']fwcfg["'])"""
    rf"(?:(?!</{_PREFIX}sysinfo).)*",
    re.DOTALL,
)
"""``<sysinfo type='fwcfg'>`` carries ignition."""


def redact(domain: bytes) -> str:
    """Return ``domain`` as text without what may be secret."""
    text = domain[:MAX_LOGGED].decode("utf-8", errors="replace")
    text = _FIRMWARE.sub(rf"\1>{REMOVED}", text)
    text = _ELEMENTS.sub(rf"\1{REMOVED}", text)
    text = _QEMU.sub(_without_values, text)
    text = _ATTRIBUTE.sub(rf'\1"{REMOVED}"', text)
    if len(domain) > MAX_LOGGED:
        text += f"[{len(domain) - MAX_LOGGED} more bytes]"
    return text


def _without_values(element: re.Match[str]) -> str:
    return _QEMU_VALUE.sub(_without_value, element.group())


def _without_value(attribute: re.Match[str]) -> str:
    start, value = attribute.groups()
    return f"{start}{value}" if _PLAIN_ARGUMENT.fullmatch(value) else f'{start}"{REMOVED}"'
