# SPDX-License-Identifier: Apache-2.0
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.hook import redact_names as names
from sidecar.hook.redact import MAX_LOGGED, redact
from tests.support import RECORDINGS, missing

SECRET = "hunter2-Zx9"  # noqa: S105 - bait: must not come out


@pytest.mark.parametrize(
    "domain",
    [
        "<graphics type='vnc' passwd='{}'/>",
        '<graphics type="spice"\n passwd = "{}" listen="x"/>',
        "<graphics type='vnc' passwd='a>{}'/>",
        "<graphics type='vnc' passwd='cut {}",
        "<sysinfo type='fwcfg'><entry name='opt/com.coreos/config'>{}</entry></sysinfo>",
        "<sysinfo a='b>' type=\"fwcfg\"><entry name='opt/a'>{}</entry><entry>{}</entry></sysinfo>",
        "<sysinfo type='fwcfg'><entry name='opt/a'>cut {}",
        "<oemStrings><entry>io.systemd.credential:passwd.plain={}</entry></oemStrings>",
        "<sysinfo type='smbios'><oemStrings ><entry>{}</entry><entry>{}</entry></oemStrings>",
        "<qemu:commandline><qemu:arg value='name=opt/ignition,string={}'/></qemu:commandline>",
        "<qemu:commandline><qemu:arg value='-p{}'/></qemu:commandline>",
        "<q:commandline><q:env name='TOKEN' value=\"{}\"/></q:commandline>",
        "<commandline xmlns='q'><arg value='secret,id=a,data={}'/></commandline>",
        "<commandline xmlns='q'><arg value='cut {}",
        "<launchSecurity type='sev'><session>{}</session><dhCert>{}</dhCert></launchSecurity>",
        "<launchSecurity type='sev-snp'><hostData>{}</hostData></launchSecurity>",
        "<source protocol='rbd'><auth secret='{}'/></source>",
        "<foo key='{}'/>",
        "<source protocol='https'><cookies><cookie name='c'>{}</cookie></cookies></source>",
        "<source protocol='https' name='a' query='token={}'/>",
        "<source protocol='https' name='a?token={}'/>",
        "<os><cmdline>root=/dev/vda rd.luks.key={}</cmdline></os>",
        "<os><initarg>--token={}</initarg></os>",
        "<os><initenv name='TOKEN'>{}</initenv></os>",
        "<bootloader_args>{}</bootloader_args>",
        "<sysinfo type='smbios'><entry name='serial'>ds=nocloud;s={}</entry></sysinfo>",
        "<sysinfo type='smbios'><chassis><entry name='asset'>{}</entry></chassis></sysinfo>",
        "<metadata><a:init xmlns:a='urn:a'><a:userdata>{}</a:userdata></a:init></metadata>",
        "<metadata><a:init xmlns:a='urn:a' name='{}'/></metadata>",
        "<title>{}</title>",
        "<description>{}</description>",
        "<!-- the password is {} -->",
        "<!-- cut {}",
        "<?note {}?>",
        "<name><![CDATA[x]]></name><cmdline><![CDATA[{}]]></cmdline>",
        "<launchSecurity type='sev'><session>{}</session></launchSecurity>",
        "<launchSecurity type='sev-snp'><idBlock>{}</idBlock><idAuth>{}</idAuth></launchSecurity>",
        "<launchSecurity type='tdx'><mrOwner>{}</mrOwner></launchSecurity>",
        "<filterref filter='f'><parameter name='KEY' value='{}'/></filterref>",
        "<q:frontend><q:property name='k' type='string' value='{}'/></q:frontend>",
        "<tpm><backend type='emulator'><encryption secret='{}'/></backend></tpm>",
        "<lease><key>{}</key></lease>",
        "<from-a-later-libvirt>{}</from-a-later-libvirt>",
        "<disk from-a-later-libvirt='{}'/>",
        "<disk {}/>",
        "text of the domain itself {}",
        "</domain>{}",
    ],
)
def test_secrets_go(domain: str) -> None:
    text = domain.replace("{}", SECRET)
    redacted = redact(f"<domain>{text}<name>stays</name>".encode())
    assert SECRET in text
    assert SECRET not in redacted
    assert "[removed]" in redacted
    assert redacted.startswith("<domain>")


def test_what_follows_a_secret_stays() -> None:
    domain = (
        b"<domain><sysinfo type='fwcfg'><entry>x</entry></sysinfo><oemStrings><entry>x</entry>"
        b"</oemStrings><q:arg value='-device'/><q:arg value='x'/><vnc passwd='x' a='1'/></domain>"
    )
    assert redact(domain) == (
        "<domain><sysinfo type='fwcfg'>[removed]</sysinfo><oemStrings>[removed]"
        "</oemStrings><q:arg value='-device'/><q:arg value=\"[removed]\"/>"
        "<vnc passwd=\"[removed]\" a='1'/></domain>"
    )


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*/*.xml")), ids=str)
def test_recorded_domains_hold_no_secret(path: Path) -> None:
    domain = path.read_bytes()
    assert redact(domain) == domain.decode()


def test_the_secret_s_reference_stays() -> None:
    text = "<auth username='u'><secret type='ceph' uuid='1'/></auth><name>n</name>"
    assert redact(text.encode()) == text


def test_a_long_domain_is_cut() -> None:
    assert redact(b"x" * (MAX_LOGGED + 7)).endswith("x[7 more bytes]")


@pytest.mark.parametrize(
    "unit",
    [
        b"<arg ",
        b"<arg '",
        b"<sysinfo ",
        b"<sysinfo a='",
        b"<oemStrings>",
        b"<oemStrings a=",
        b" key=",
        b" passwd='",
        b"<sysinfo type='fwcfg'",
        b"\"'<>",
        b"<a:b.c:arg ",
        b"<!--",
        b"<![CDATA[",
        b"<?",
        b"<a>",
        b"<a b=c d='",
        b"</a",
        b"<metadata>",
    ],
)
def test_time_is_bounded(unit: bytes) -> None:
    started = time.process_time()
    redact(unit * (MAX_LOGGED // len(unit)))
    assert time.process_time() - started < 5


@given(st.binary(max_size=300))
def test_anything_gives_text(domain: bytes) -> None:
    assert isinstance(redact(domain), str)


SCHEMAS = Path("/usr/share/libvirt/schemas")
RELAX = "{http://relaxng.org/ns/structure/1.0}"


class Schema:
    """The attributes of libvirt's domain schema, and the elements that hold text."""

    def __init__(self, folder: Path) -> None:
        self.attributes: set[str] = set()
        self.texts: set[str] = set()
        self._definitions: dict[str, list[ET.Element]] = {}
        names = ("domaincommon", "domainoverrides", "storagecommon", "networkcommon", "cputypes")
        files = [folder / f"{name}.rng" for name in names] + [folder / "basictypes.rng"]
        roots = [ET.parse(path).getroot() for path in files if path.exists()]
        for root in roots:
            for definition in root.iter(f"{RELAX}define"):
                self._definitions.setdefault(definition.get("name", ""), []).append(definition)
        for root in roots:
            for element in root.iter(f"{RELAX}element"):
                self._walk(element, element.get("name", ""), frozenset())

    def _walk(self, node: ET.Element, element: str, seen: frozenset[str]) -> None:
        for child in node:
            kind = child.tag.removeprefix(RELAX)
            if kind == "attribute":
                self.attributes.add(child.get("name", ""))
            elif kind in {"text", "data", "value", "list"}:
                self.texts.add(element)
            elif kind == "ref":
                name = child.get("name", "")
                for definition in self._definitions.get(name, []) if name not in seen else []:
                    self._walk(definition, element, seen | {name})
            elif kind != "element":
                self._walk(child, element, seen)


def test_the_schema_has_no_name_that_nobody_decided_about() -> None:
    if not (SCHEMAS / "domaincommon.rng").exists():
        missing("libvirt's schemas are not installed")
    schema = Schema(SCHEMAS)
    # A broken walk would find nothing, and miss nothing.
    assert {"passwd", "query", "port"} <= schema.attributes
    assert {"cookie", "uuid", "cmdline"} <= schema.texts
    known = names.ATTRIBUTES | names.REMOVED_ATTRIBUTES | {""}
    assert schema.attributes <= known, schema.attributes - known
    texts = names.TEXTS | names.REMOVED_TEXTS | names.OPAQUE | {""}
    assert schema.texts <= texts, schema.texts - texts


def test_nothing_is_both_shown_and_removed() -> None:
    assert names.ATTRIBUTES.isdisjoint(names.REMOVED_ATTRIBUTES)
    assert names.TEXTS.isdisjoint(names.REMOVED_TEXTS | names.OPAQUE)
