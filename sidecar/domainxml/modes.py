# SPDX-License-Identifier: Apache-2.0
"""``mode='subsystem'`` of PCI hostdevs, which KubeVirt leaves out.

libvirt fills it in. KubeVirt itself fails without it as soon as any ``Plugin`` object exists
in the cluster: virt-launcher converts the domain then (``Missing 'mode' attribute on domain
hostdev``), before it looks at conditions, and after the hook sidecars. So the hook sets it in
every VM that it is called for.
"""

import re
from collections.abc import Iterator

from lxml import etree

from sidecar.domainxml.document import devices_named, parse_domain
from sidecar.errors import RequestError

_TAG = b"<hostdev"
_MODE = b" mode='subsystem'"
# What may hold the text of a tag without being one, and then the start tags themselves.
_MARKUP = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    rb"|(?P<hostdev><hostdev(?=[\s/>])(?:[^>\"']|\"[^\"]*\"|'[^']*')*>)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(rb"""\s+(?P<name>[^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


def set_missing_modes(domain: etree._Element) -> None:
    """Give ``mode='subsystem'`` to the PCI hostdevs that have none."""
    for element in devices_named(domain, "hostdev"):
        if _lacks_mode(element):
            element.set("mode", "subsystem")


def with_modes(domain: bytes) -> bytes:
    """Return a domain in which PCI hostdevs have a mode, and nothing else differs.

    A domain without such hostdevs, or one that cannot be read, comes back as it is: the very
    same bytes. It asks nothing of us, and libvirt will say what is wrong with it.
    """
    if _TAG not in domain:
        return domain
    try:
        root = parse_domain(domain)
    except RequestError:
        return domain
    lacking = {element for element in devices_named(root, "hostdev") if _lacks_mode(element)}
    if not lacking:
        return domain
    # A prefix would be written as such: these are the elements that begin with "<hostdev".
    elements = [element for element in root.iter("{*}hostdev") if element.prefix is None]
    parts, end = [], 0
    for element, tag in zip(elements, _start_tags(domain), strict=True):
        if element in lacking:
            parts += [domain[end : tag.start()], _with_mode(tag.group())]
            end = tag.end()
    return b"".join([*parts, domain[end:]])


def _lacks_mode(element: etree._Element) -> bool:
    return element.get("type") == "pci" and not element.get("mode")


def _start_tags(domain: bytes) -> Iterator[re.Match[bytes]]:
    return (found for found in _MARKUP.finditer(domain) if found["hostdev"] is not None)


def _with_mode(tag: bytes) -> bytes:
    """Return a start tag with the mode; one that is there is empty, and goes."""
    rest = _ATTRIBUTE.sub(
        lambda found: b"" if found["name"] == b"mode" else found.group(),
        tag.removeprefix(_TAG),
    )
    return _TAG + _MODE + rest
