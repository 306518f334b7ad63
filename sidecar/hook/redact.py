# SPDX-License-Identifier: Apache-2.0
"""Takes what may be secret out of domain XML before it is logged.

Works on text, not on a tree: what cannot be parsed is logged too, when a call fails. Only
what is known to be harmless stays, see ``redact_names``; names are matched with any
namespace prefix. Every pattern takes time in proportion to the text: none can match in two
ways.
"""

import re
from collections.abc import Iterator

from sidecar.hook.redact_names import (
    ATTRIBUTES,
    ENTRIES,
    OPAQUE,
    REMOVED_ATTRIBUTES,
    TEXTS,
    VALUES,
)

MAX_LOGGED = 256 * 1024
"""Bytes of a domain that are looked at and logged; the rest is only counted."""
REMOVED = "[removed]"

_QUOTED = r"""(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))"""
_TOKEN = re.compile(
    rf"""(?P<comment><!--.*?(?:-->|\Z))
    |(?P<cdata><!\[CDATA\[.*?(?:\]\]>|\Z))
    |(?P<other><[?!].*?(?:>|\Z))
    |<(?P<slash>/?)(?P<name>[^\s/<>"']*)(?P<rest>(?:[^"'<>]+|{_QUOTED})*)(?P<end>>?)
    |(?P<text>[^<]+)""",
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(rf"""(\s*)([^\s=<>"'/]+)(\s*=\s*)({_QUOTED})|(\s*/?\s*\Z)|[^\s]+|\s+""")
_PLAIN_ARGUMENT = re.compile(r"""["']-[a-z][a-z_-]*["']""")
"""``-fw_cfg`` and ``-object secret,data=...`` carry ignition, passwords and keys, so of
``<qemu:commandline>`` only the names of options stay."""
_HARMLESS = re.compile(r"""["'](?:[0-9]{1,2}|yes|no|on|off)["']""")
"""Values of attributes that nobody knows by name: too little for a secret."""
_DECLARATION = "<?xml "
_MAX_DEPTH = 256
"""libxml2's own; what is deeper is not a domain."""


def redact(domain: bytes) -> str:
    """Return ``domain`` as text without what may be secret."""
    text = domain[:MAX_LOGGED].decode("utf-8", errors="replace")
    redacted = "".join(_Redaction(text).parts())
    if len(domain) > MAX_LOGGED:
        redacted += f"[{len(domain) - MAX_LOGGED} more bytes]"
    return redacted


class _Redaction:
    """One pass over a text. ``_path`` holds the local names of the elements that are open."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._path: list[str] = []
        self._entry = ""
        self._began = False

    def parts(self) -> Iterator[str]:
        """Return what may be shown, piece by piece."""
        position = 0
        while position < len(self._text):
            token = _TOKEN.match(self._text, position)
            if token is None:  # every character begins a token: this guards the loop alone
                return
            position = token.end()
            if token["name"] is None:
                yield self._plain(token)
            elif token["slash"]:
                self._leave(token["name"])
                yield f"</{token['name']}{token['end']}"
            else:
                self._began = True
                attributes = dict(_read(token["rest"]))
                yield f"<{token['name']}{self._attributes(token)}{token['end']}"
                if not token["rest"].rstrip().endswith("/"):
                    position, shown = self._enter(token["name"], attributes, position)
                    yield shown

    def _plain(self, token: re.Match[str]) -> str:
        found = token.group()
        if token["comment"] is not None:
            return f"<!--{REMOVED}-->"
        if token["other"] is not None:
            return found if found.startswith(_DECLARATION) and not self._began else REMOVED
        if found.isspace() or not self._began or self._shows_text():
            return found
        return REMOVED

    def _shows_text(self) -> bool:
        if not self._path or "metadata" in self._path:
            return False
        name = self._path[-1]
        return name in TEXTS or (name == "entry" and self._entry in ENTRIES)

    def _enter(self, name: str, attributes: dict[str, str], position: int) -> tuple[int, str]:
        """Go into an element; return where to go on, and what to show of what is left out."""
        local = name.rpartition(":")[2]
        if local in OPAQUE or (local == "sysinfo" and attributes.get("type") == "fwcfg"):
            end = self._text.find(f"</{name}", position)
            return (len(self._text) if end < 0 else end), REMOVED
        if len(self._path) >= _MAX_DEPTH:
            return len(self._text), REMOVED
        self._path.append(local)
        self._entry = attributes.get("name", "")
        return position, ""

    def _leave(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if self._path and self._path[-1] == local:
            self._path.pop()

    def _attributes(self, token: re.Match[str]) -> str:
        element = token["name"].rpartition(":")[2]
        foreign = "metadata" in self._path
        shown = []
        for match in _ATTRIBUTE.finditer(token["rest"]):
            space, name, equals, quoted = match.group(1, 2, 3, 4)
            if name is None:
                known = match[5] is not None or match.group().isspace()
                shown.append(match.group() if known else REMOVED)
            elif _shows_attribute(element, name, quoted, foreign=foreign):
                shown.append(match.group())
            else:
                shown.append(f'{space}{name}{equals}"{REMOVED}"')
        return "".join(shown)


def _read(rest: str) -> Iterator[tuple[str, str]]:
    for match in _ATTRIBUTE.finditer(rest):
        if match[2] is not None:
            yield match[2], match[4][1:-1]


def _shows_attribute(element: str, name: str, quoted: str, *, foreign: bool) -> bool:
    if name == "xmlns" or name.startswith("xmlns:"):
        return True
    local = name.rpartition(":")[2]
    if local == "value":
        plain = element == "arg" and _PLAIN_ARGUMENT.fullmatch(quoted) is not None
        return plain or (element in VALUES and not foreign)
    if local not in ATTRIBUTES:
        return local not in REMOVED_ATTRIBUTES and _HARMLESS.fullmatch(quoted) is not None
    # The name of an HTTP disk is the path of its URL, with the query in older libvirts.
    return not foreign and not (element == "source" and "?" in quoted)
