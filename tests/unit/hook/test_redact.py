# SPDX-License-Identifier: Apache-2.0
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.hook.redact import MAX_LOGGED, redact
from tests.support import RECORDINGS

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
    ],
)
def test_time_is_bounded(unit: bytes) -> None:
    started = time.process_time()
    redact(unit * (MAX_LOGGED // len(unit)))
    assert time.process_time() - started < 5


@given(st.binary(max_size=300))
def test_anything_gives_text(domain: bytes) -> None:
    assert isinstance(redact(domain), str)
