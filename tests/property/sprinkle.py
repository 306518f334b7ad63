# SPDX-License-Identifier: Apache-2.0
"""Unknown XML, sprinkled over a domain, and the check that it is still there."""

from hypothesis import strategies as st
from lxml import etree

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
NEW = {"controller", "interface", "hostdev"}
"""Devices that may appear."""
PARTS = {"mac", "source", "alias", "teaming", "address", "vlan", "model"}
"""Parts of a NIC or VF that may appear."""

_TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff]"),
    max_size=12,
)
_COMMENTS = _TEXTS.map(lambda text: f"<!--{text.replace('-', '_')}-->")
_ESCAPED = _TEXTS.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
_SUBTREES = st.sampled_from(
    (
        "<unknown/>",
        "<unknown a='1' b=''>text<inner/>more<!-- c --> </unknown>",
        "<x:one xmlns:x='urn:x' x:attribute='1' plain='2'><x:two/><three/></x:one>",
        "<one xmlns='urn:default'><devices><controller type='pci' index='x'/></devices></one>",
        "<x:address xmlns:x='urn:x' type='pci' bus='zz'/>",
        "<x:alias xmlns:x='urn:x' name='ua-net1'/>",
        "<x:interface xmlns:x='urn:x'><target dev='placeholder-1' managed='no'/></x:interface>",
        "<a xmlns:unused='urn:unused'><b xmlns:unused='urn:other'/></a>",
        "<qemu:commandline xmlns:qemu='" + QEMU + "'><qemu:arg value='-s'/></qemu:commandline>",
        "<metadata><k:x xmlns:k='http://kubevirt.io'><k:uid>1</k:uid></k:x><y/></metadata>",
        "<![CDATA[a < b && c]]>",
        "<?target some data?>",
        "<?portside?>",
    )
)
_NODES = st.one_of(_SUBTREES, _SUBTREES, _COMMENTS, _ESCAPED)
_ATTRIBUTES = st.sampled_from(
    (("unknown", "1"), ("{urn:attribute}type", "pci"), ("{urn:attribute}unknown", "<&>\"'\n\t"))
)
_OUTSIDE = st.lists(st.one_of(_COMMENTS, st.just("<?outside x?>")), max_size=2).map("".join)


@st.composite
def sprinkled(draw: st.DrawFn, domain: bytes) -> bytes:
    """The domain with unknown nodes and attributes in random places."""
    root = etree.fromstring(domain)
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    for _ in range(draw(st.integers(1, 8))):
        target = draw(st.sampled_from(elements))
        if draw(st.integers(0, 3)) == 0:
            name, value = draw(_ATTRIBUTES)
            target.set(name, value)
            continue
        _insert(target, draw(st.integers(0, len(target))), draw(_NODES))
    text = etree.tostring(root, encoding="unicode")
    if draw(st.booleans()):
        text = text.replace("<domain", f"<domain xmlns:qemu='{QEMU}' xmlns:other='urn:o'", 1)
    return f"{draw(_OUTSIDE)}{text}{draw(_OUTSIDE)}".encode()


def _insert(target: etree._Element, position: int, node: str) -> None:
    """Insert a piece of XML between two children."""
    wrapper = etree.fromstring(f"<w>{node}</w>", etree.XMLParser(strip_cdata=False))
    if wrapper.text:
        if position:
            target[position - 1].tail = (target[position - 1].tail or "") + wrapper.text
        else:
            target.text = (target.text or "") + wrapper.text
    for offset, child in enumerate(list(wrapper)):
        target.insert(position + offset, child)


def missing_in(result: bytes, original: bytes) -> str | None:
    """Name the first part of ``original`` that ``result`` lost or has elsewhere."""
    old, new = etree.fromstring(original), etree.fromstring(result)
    if _around(old) != _around(new):
        return "something outside of the root element"
    return _lost(old, new)


def _around(root: etree._Element) -> list[list[tuple[object, str | None]]]:
    return [
        [(node.tag, node.text) for node in root.itersiblings(preceding=preceding)]
        for preceding in (True, False)
    ]


def _lost(old: etree._Element, new: etree._Element) -> str | None:
    """Whether ``new`` is ``old`` with nothing but additions of ours."""
    name = str(old.tag)
    if old.tag != new.tag:
        return f"{name} became {new.tag}"
    changed = {key: value for key, value in old.attrib.items() if new.get(key) != value}
    changed.pop("hotplug" if name == "target" else "", None)
    if changed or old.nsmap != new.nsmap or _words(old.text) != _words(new.text):
        return f"{name}: attributes {changed}, text or namespaces"
    candidates = iter(new)
    for child in old:
        reason = f"{child.tag} of {name}"
        for candidate in candidates:
            reason = _lost(child, candidate) or ""
            if not reason and _words(child.tail) == _words(candidate.tail):
                break
            if candidate.tag not in NEW | PARTS or _words(candidate.tail):
                return reason or f"text behind {child.tag} of {name}"
        else:
            return reason or f"{child.tag} of {name} is gone"
    extra = [one.tag for one in candidates if one.tag not in NEW | PARTS or _words(one.tail)]
    return f"{name} got {extra}" if extra else None


def _words(text: str | None) -> str | None:
    """Text as it counts: of blanks only, it is indentation."""
    return None if text is None or not text.strip() else text
