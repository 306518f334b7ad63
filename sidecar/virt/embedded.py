# SPDX-License-Identifier: Apache-2.0
"""The private root of libvirt's embedded QEMU driver.

libvirt ties the embedded driver to the first root that a process opens, for the rest of
the process's life (``Cannot open embedded driver at path``), so there is one root per
process and it goes when the process ends.
"""

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

from sidecar.errors import HostError

_LONGEST = 107 - len("/lib/qemu/domain-100-twenty-letters-of-it/monitor.sock")
"""Characters of a root under which QEMU's monitor still has a unix socket's path (unix(7))."""
_PREFIX = "portside-"
_QEMU_CONF = """\
# QEMU runs as whoever runs this process. Were the two different, and only one of them
# allowed to use /dev/kvm, libvirt would judge its capability cache stale at every look.
user = "+{uid}"
group = "+{gid}"
dynamic_ownership = 0
remember_owner = 0
# No virtlogd, no AppArmor or SELinux, no mount namespace, no cgroups: there is no host to
# protect from a domain that has neither disks nor a guest.
stdio_handler = "file"
security_driver = "none"
security_default_confined = 0
namespaces = []
cgroup_controllers = []
"""


@cache
def embedded_uri(binding: ModuleType) -> str:
    """Make this process's root directory, and name the driver in it.

    When the process ends, so do the domains that it left running, and the root goes.

    QEMU's capabilities, which take seconds to probe, are kept across processes in the
    user's cache directory, one folder per libvirt version. libvirt itself checks each
    entry against the QEMU binary, the kernel, the microcode and its own build, and probes
    again when one of them changed.

    Raises:
        HostError: no directory can be made in the temporary directory.
    """
    try:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=short_folder()))
        uri = f"qemu:///embed?root={root}"
        atexit.register(_clean_up, binding, uri, root)
        (root / "etc").mkdir()
        (root / "etc" / "qemu.conf").write_text(
            _QEMU_CONF.format(uid=os.geteuid(), gid=os.getegid())
        )
        (root / "cache" / "qemu").mkdir(parents=True)
        stable = _stable_cache(binding.getVersion())
        if stable is not None:
            (root / "cache" / "qemu" / "capabilities").symlink_to(stable)
    except OSError as error:
        raise HostError(
            "cannot make a directory for the embedded libvirt",
            where=error.filename or tempfile.gettempdir(),
            found=str(error.strerror),
            todo="Point TMPDIR at a writable directory, or name another libvirt by its URI",
        ) from error
    return uri


def _clean_up(binding: ModuleType, uri: str, root: Path) -> None:
    """End what still runs: a signal may arrive while libvirt starts a domain for us."""
    with suppress(binding.libvirtError):
        connection = binding.open(uri)
        for domain in connection.listAllDomains(binding.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
            domain.destroy()
        connection.close()
    shutil.rmtree(root, ignore_errors=True)


def short_folder() -> str:
    """Return the temporary directory, or a shorter one for the sake of unix sockets' paths."""
    wanted = tempfile.gettempdir()
    longest = _LONGEST - len(f"/{_PREFIX}12345678")
    return next((path for path in (wanted, "/tmp", "/var/tmp") if len(path) <= longest), wanted)  # noqa: S108 -- mkdtemp makes a private directory in it


def _stable_cache(libvirt_version: int) -> Path | None:
    """Return a capability cache that outlives the process, or None where there is no home."""
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    folder = Path(base, "portside", f"libvirt-{libvirt_version}-{os.geteuid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK)
    except (OSError, RuntimeError):
        return None
    return folder.absolute() if mine else None
