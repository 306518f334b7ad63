# SPDX-License-Identifier: Apache-2.0
"""A libvirtd of its own, in session mode as virt-launcher's: for migration between two."""

import os
import pwd
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.support import missing

DAEMON: Final = "/usr/sbin/libvirtd"
_START_SECONDS: Final = 60.0
_QEMU_CONF: Final = """\
stdio_handler = "file"
security_driver = "none"
namespaces = []
cgroup_controllers = []
migration_port_min = {port}
migration_port_max = {last}
"""


@contextmanager
def session_libvirt(folder: Path, binding: ModuleType, port: int) -> Iterator[Any]:
    """Run a libvirtd under ``folder`` and connect to it; end it and its guests afterwards.

    Args:
        folder: short, for the sake of unix sockets' paths.
        binding: libvirt's Python module.
        port: the first of ten TCP ports for migrations to it.
    """
    if not Path(DAEMON).exists():
        missing(f"needs {DAEMON}")
    _prepare(folder, port)
    socket = folder / "run" / "libvirt" / "libvirt-sock"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - fixed arguments
            [DAEMON, "-f", str(folder / "libvirtd.conf")],
            env=_environment(folder),
            stdout=log,
            stderr=log,
            user=_user() if os.geteuid() == 0 else None,
        )
        try:
            connection = _connect(binding, f"qemu+unix:///session?socket={socket}", process, folder)
            try:
                yield connection
            finally:
                for domain in connection.listAllDomains(binding.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
                    domain.destroy()
                connection.close()
        finally:
            process.terminate()
            process.wait()


def _user() -> str:
    return "nobody"


def _prepare(folder: Path, port: int) -> None:
    for name in ("run", "cache", "config/libvirt", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # Without an identity of its own libvirt refuses to migrate to the same host.
    (folder / "libvirtd.conf").write_text(
        f'listen_tls = 0\nlisten_tcp = 0\nauth_unix_rw = "none"\nhost_uuid = "{uuid.uuid4()}"\n'
    )
    conf = _QEMU_CONF.format(port=port, last=port + 9)
    (folder / "config" / "libvirt" / "qemu.conf").write_text(conf)
    folder.chmod(0o755)
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_user()).pw_uid
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, -1)


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(folder / "home"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "LC_ALL": "C.UTF-8",
    }


def _connect(binding: ModuleType, uri: str, process: subprocess.Popen[bytes], folder: Path) -> Any:  # noqa: ANN401 - libvirt's module has no annotations
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            return binding.open(uri)
        except binding.libvirtError:
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError((folder / "log").read_text()) from None
            time.sleep(0.1)


def make_folder() -> Path:
    """Return a folder of a short name that another user may enter."""
    folder = Path("/tmp") / f"p-{os.getpid()}-{uuid.uuid4().hex[:6]}"  # noqa: S108 - short, and ours
    folder.mkdir(mode=0o755)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove what ``make_folder`` made."""
    shutil.rmtree(folder, ignore_errors=True)
