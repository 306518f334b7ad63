# SPDX-License-Identifier: Apache-2.0
"""Domain XML that is made to hurt, or merely odd."""

_OS = "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
LAUGHS = "".join(f"<!ENTITY l{n + 1} '{f'&l{n};' * 10}'>" for n in range(9))
PORT = "<controller type='pci' index='{}' model='pcie-root-port'/>"


def domain(devices: str, *, before: str = "", attributes: str = "", machine: str = "q35") -> bytes:
    """Write a domain around some devices."""
    os = _OS.replace("q35", machine)
    return (
        f"{before}<domain type='kvm'{attributes}>{os}<devices>{devices}</devices></domain>".encode()
    )


def nested(depth: int) -> bytes:
    return domain("<a>" * depth + "</a>" * depth)


def _nic(bus: int) -> str:
    address = f"<address type='pci' bus='{bus}'/>"
    return f"<interface type='user'><model type='virtio'/>{address}</interface>"


REFUSED: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n ",
    "no XML": b"domain",
    "billion laughs": domain("&l9;", before=f"<!DOCTYPE domain [<!ENTITY l0 'ha'>{LAUGHS}]>"),
    "billion laughs in an attribute": domain(
        "<a b='&l9;'/>", before=f"<!DOCTYPE domain [<!ENTITY l0 'ha'>{LAUGHS}]>"
    ),
    "quadratic blow-up": domain(
        "&a;" * 50_000, before=f"<!DOCTYPE domain [<!ENTITY a '{'a' * 50_000}'>]>"
    ),
    "external entity": domain(
        "&e;", before="<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
    ),
    "external DTD": domain("", before="<!DOCTYPE domain SYSTEM 'http://127.0.0.1:1/x.dtd'>"),
    "parameter entity": domain(
        "", before="<!DOCTYPE domain [<!ENTITY % p SYSTEM 'file:///etc/passwd'>%p;]>"
    ),
    "DTD behind a comment": domain("", before="<!-- c --><!DOCTYPE domain>"),
    "DTD behind two comments": domain("", before="<!-- c --><!-- > -->\n<!DOCTYPE domain>"),
    "DTD behind an instruction": domain("", before="<?x <!-- ?><!DOCTYPE domain>"),
    "DTD behind a declaration": domain("", before="<?xml version='1.0'?>\n<!DOCTYPE domain>"),
    "DTD behind a mark": b"\xef\xbb\xbf" + domain("", before="<!DOCTYPE domain>"),
    "DTD inside": domain("<!DOCTYPE domain>"),
    "DTD at the end": domain("") + b"<!DOCTYPE domain>",
    "unknown entity": domain("&nothing;"),
    "300 levels": nested(300),
    "100000 levels": nested(100_000),
    "attribute of 5 MB": domain(f"<a b='{'x' * 5_000_000}'/>"),
    "text of 5 MB": domain("x" * 5_000_000),
    "a million elements": domain("<a/>" * 1_000_000),
    "a million attributes": domain("<a b='' c='' d=''/>" * 200_000),
    "a million comments": domain("<!---->" * 500_000),
    "names without end": b"<domain><" + b"a" * 40_000 + b"></b></domain>",
    "UTF-16": domain("").decode().encode("utf-16"),
    "UTF-16 without a mark": domain("").decode().encode("utf-16-le"),
    "UTF-32": domain("").decode().encode("utf-32"),
    "latin-1": domain("<a b='é'/>", before="<?xml version='1.0' encoding='latin-1'?>")
    .decode()
    .encode("latin-1"),
    "a NUL": domain("\0"),
    "a NUL as reference": domain("&#0;"),
    "a surrogate as reference": domain("&#xd800;"),
    "half a surrogate pair": domain("").replace(b"kvm", b"\xed\xa0\x80"),
    "a control character": domain("\x1b"),
    "cut short": domain("")[:-3],
    "two roots": domain("") * 2,
    "one attribute twice": domain("<a b='1' b='2'/>"),
    "an undeclared prefix": domain("<x:a/>"),
    "default namespace on the root": domain("", attributes=" xmlns='urn:x'"),
    "another root": b"<network/>",
    "prefixed root": b"<x:domain xmlns:x='urn:x'/>",
    "one index twice": domain(PORT.format(1) * 2),
    "a negative index": domain(PORT.format(-3)),
    "a huge index": domain(PORT.format(10**18)),
    "an index of many digits": domain(PORT.format("9" * 1_000_000)),
    "a hexadecimal index": domain(PORT.format("0x5")),
    "an index in other digits": domain(PORT.format("٣")),
    "index 256": domain(PORT.format(256)),
    "no index and no root": domain("<controller type='pci' model='pcie-root-port'/>"),
    "no model": domain("<controller type='pci' index='1'/>"),
    "10000 controllers": domain("".join(PORT.format(n) for n in range(10_000))),
    "10000 controllers without index": domain(
        "<controller type='pci' model='pci-bridge'/>" * 10_000
    ),
    "2000 controllers without index": domain(
        "<controller type='pci' model='pcie-root-port'/>" * 2000
    ),
    "2000 USB controllers": domain("<controller type='usb' model='qemu-xhci'/>" * 2000),
    "2000 hostdev interfaces": domain("<interface type='hostdev'/>" * 2000),
    "2000 disks": domain("<disk><target dev='vda' bus='virtio'/></disk>" * 2000),
    "50000 disks": domain("<disk><target dev='vda' bus='virtio'/></disk>" * 50_000),
    "a controller far away": domain(
        "<disk><target dev='sda' bus='scsi'/><address type='drive' controller='4000000000'/></disk>"
    ),
    "a controller on itself": domain(
        "<controller type='pci' index='1' model='pcie-switch-upstream-port'>"
        "<address type='pci' bus='1'/></controller>"
    ),
    "a channel far away": domain(
        "<channel><target type='virtio'/><address controller='4000000000'/></channel>"
    ),
    "a disk far away": domain("<disk><target dev='sdzzzz' bus='sata'/></disk>"),
    "a bus beyond all": domain(_nic(300)),
    "a slot that a port has not": domain(PORT.format(1) + _nic(1).replace("/></", " slot='2'/></")),
    "two on one address": domain(PORT.format(1) + _nic(1) * 2),
}
"""Each is refused with a reason."""

TAKEN: dict[str, bytes] = {
    "a mark": b"\xef\xbb\xbf" + domain(""),
    "a mark and a declaration": b"\xef\xbb\xbf"
    + domain("", before="<?xml version='1.0' encoding='UTF-8'?>"),
    "UTF-8 that says latin-1": domain(
        "<a b='é'/>", before="<?xml version='1.0' encoding='latin-1'?>"
    ),
    "no devices": b"<domain type='kvm'>" + _OS.encode() + b"</domain>",
    "several devices": domain("<vsock model='virtio'/></devices><devices><rng model='virtio'/>"),
    "devices of another namespace": domain(
        "</devices><x:devices xmlns:x='urn:x'>" + _nic(9)
    ).replace(b"</devices></domain>", b"</x:devices></domain>"),
    "250 levels": nested(250),
    "an attribute of 3 MB": domain(f"<a b='{'x' * 3_000_000}'/>"),
    "a text of 3 MB": domain("x" * 3_000_000),
    "a comment of 3 MB": domain(f"<!--{'x' * 3_000_000}-->"),
    "a DOCTYPE in a comment": domain("", before="<!-- <!DOCTYPE domain> -->"),
    "a DOCTYPE in CDATA": domain("<![CDATA[<!DOCTYPE domain>]]>"),
    "1000 channels": domain("<channel><target type='virtio'/></channel>" * 1000),
    "100 SCSI disks": domain("<disk><target dev='sdaa' bus='scsi'/></disk>" * 100),
    "200 NICs": domain("<interface type='user'><model type='virtio'/></interface>" * 200),
    "an index that looks octal": domain(PORT.format("010")),
    "an index with a sign": domain(PORT.format("+2")),
    "controllers in a circle": domain(
        "<controller type='pci' index='1' model='pcie-switch-upstream-port'>"
        "<address type='pci' bus='2'/></controller>"
        "<controller type='pci' index='2' model='pcie-switch-downstream-port'>"
        "<address type='pci' bus='1'/></controller>"
    ),
    "an address of zeros": domain(_nic(0)),
}
"""Each is either taken or refused with a reason; the engine is not libvirt's schema."""
