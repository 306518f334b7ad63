# SPDX-License-Identifier: Apache-2.0
"""The embedded libvirt: real, quiet, and gone with its process."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.virt.connection import Libvirt, format_version, open_libvirt
from tests.support import missing

DOMAIN = b"""\
<domain type='qemu'><name>portside-test</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<interface type='ethernet'><model type='virtio'/></interface></devices></domain>"""

PROGRAM = """
import json, sys
from sidecar.errors import HostError
from sidecar.virt.connection import open_libvirt
with open_libvirt() as libvirt:
    xml = libvirt.define_and_dump(sys.stdin.buffer.read()).decode()
    try:
        libvirt.define_and_dump(b"<domain/>")
    except HostError as error:
        refusal = str(error)
from pathlib import Path
from sidecar.virt.binding import load_binding
from sidecar.virt.embedded import embedded_uri
root = embedded_uri(load_binding()).partition("root=")[2]
print(json.dumps({"xml": xml, "refusal": refusal, "root": root, "was": Path(root).exists()}))
"""


@pytest.fixture(scope="module")
def libvirt() -> Iterator[Libvirt]:
    try:
        with open_libvirt() as opened:
            yield opened
    except HostError as error:
        missing(f"needs libvirt's QEMU driver: {error}")


def run(**extra: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, **extra}
    return subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", PROGRAM],
        input=DOMAIN,
        capture_output=True,
        check=True,
        env=environment,
        timeout=120,
    )


def test_a_domain_comes_back_with_addresses(libvirt: Libvirt) -> None:
    xml = libvirt.define_and_dump(DOMAIN)
    assert b"model='pcie-root-port'" in xml
    assert b"bus='0x01'" in xml


def test_nothing_stays_defined(libvirt: Libvirt) -> None:
    libvirt.define_and_dump(DOMAIN)
    assert libvirt.domains() == ()
    bad = DOMAIN.replace(b"type='ethernet'", b"type='nonsense'")
    with pytest.raises(HostError, match="nonsense"):
        libvirt.define_and_dump(bad)
    assert libvirt.domains() == ()


def test_a_refusal_carries_libvirts_words(libvirt: Libvirt) -> None:
    with pytest.raises(HostError, match="missing name information"):
        libvirt.define_and_dump(b"<domain/>")


def test_it_opens_twice_at_once_and_again(libvirt: Libvirt) -> None:
    with open_libvirt() as second:
        assert second.version == libvirt.version
    with open_libvirt() as third:
        assert third.define_and_dump(DOMAIN)


def test_threads_may_share_it(libvirt: Libvirt) -> None:
    results: list[bytes] = []
    xml = [DOMAIN.replace(b"portside-test", f"portside-{n}".encode()) for n in range(8)]
    threads = [
        threading.Thread(target=lambda x=x: results.append(libvirt.define_and_dump(x))) for x in xml
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(xml)


def test_another_uri_is_opened_as_it_is() -> None:
    pytest.importorskip("libvirt", reason="needs libvirt-python")
    with open_libvirt("test:///default") as driver:
        # libvirt's test driver defines anything of its own type, and needs no QEMU.
        xml = DOMAIN.replace(b"'qemu'", b"'test'").replace(b" arch='x86_64' machine='q35'", b"")
        assert b"<name>portside-test</name>" in driver.define_and_dump(xml)


def test_a_uri_that_does_not_open_says_why() -> None:
    pytest.importorskip("libvirt", reason="needs libvirt-python")
    with (
        pytest.raises(HostError, match=r"qemu\+unix:///session\?socket=/nonexistent"),
        open_libvirt("qemu+unix:///session?socket=/nonexistent"),
    ):
        pass


@pytest.mark.usefixtures("libvirt")
def test_it_prints_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="t") as temporary:
        done = run(TMPDIR=temporary, XDG_CACHE_HOME=str(tmp_path))
        said = json.loads(done.stdout)
        assert done.stderr == b""
        assert said["was"]
        assert Path(said["root"]).parent == Path(temporary)
        assert list(Path(temporary).iterdir()) == []
    assert "missing name information" in said["refusal"]


@pytest.mark.usefixtures("libvirt")
def test_a_long_temporary_directory_does_not_break_unix_sockets(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    # Probing QEMU makes a socket below the root; an empty cache lets it probe.
    assert json.loads(run(TMPDIR=str(long), XDG_CACHE_HOME=str(tmp_path / "c")).stdout)["xml"]


@pytest.mark.usefixtures("libvirt")
def test_capabilities_are_probed_once(tmp_path: Path) -> None:
    run(XDG_CACHE_HOME=str(tmp_path))
    (entry,) = tmp_path.glob("portside/libvirt-*/*.xml")
    before = entry.stat()
    run(XDG_CACHE_HOME=str(tmp_path))
    after = entry.stat()
    # A probe writes the entry anew, under a temporary name.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.usefixtures("libvirt")
def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_text("not a folder")
    assert json.loads(run(XDG_CACHE_HOME=str(obstacle)).stdout)["xml"]


def test_without_the_binding_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "libvirt.py").write_text("raise ImportError('libvirt.so.0 is missing')\n")
    program = """
from sidecar.errors import HostError
from sidecar.virt.connection import open_libvirt
try:
    with open_libvirt():
        pass
except HostError as error:
    print(error)
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"},
    )
    assert "libvirt.so.0 is missing" in done.stdout
    assert "portside[libvirt]" in done.stdout


def test_versions_are_unpacked() -> None:
    assert format_version(9_000_000) == "9.0.0"
    assert format_version(11_003_002) == "11.3.2"
