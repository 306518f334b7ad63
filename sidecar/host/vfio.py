# SPDX-License-Identifier: Apache-2.0
"""What the host tells of VFIO, and of the user that QEMU runs as."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from sidecar.host.small_files import is_switched_on, names_in, read, read_lines
from sidecar.model.digits import is_number
from sidecar.model.host_facts import DeviceNode, QemuUser, Reading, VfioFacts
from sidecar.model.vf import UNKNOWN, Unknown

_CONF: Final = "etc/libvirt/qemu.conf"
_SETTING: Final = re.compile(r"(\w+)\s*=\s*(.+)")
_SETTINGS: Final = ("user", "group", "dynamic_ownership", "security_driver")
_USERS: Final = ("libvirt-qemu", "qemu")
"""What distributions build libvirt with; the first that there is."""
_RULES: Final = ("etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d")
_PROFILES: Final = (
    "etc/apparmor.d/abstractions/libvirt-qemu",
    "etc/apparmor.d/local/abstractions/libvirt-qemu",
)
_ON_VFIO: Final = 'SUBSYSTEM=="vfio"'
_MODULE: Final = re.compile(r"/vfio[-_]pci\.ko")


def read_vfio(root: Path, sysfs: Path, proc: Path) -> VfioFacts:
    """Read VFIO's files, who may open them, and who wants to.

    Args:
        root: of the host's files: ``/etc``, ``/dev``, ``/lib/modules``.
        sysfs: root of the host's sysfs.
        proc: root of the host's procfs.
    """
    settings = _read_settings(root)
    release = read(proc / "sys/kernel/osrelease")
    release = release if isinstance(release, str) else ""
    drivers = names_in(sysfs / "bus/pci/drivers")
    driver = settings.get("security_driver", "")
    return VfioFacts(
        loaded=drivers is not None and drivers is not UNKNOWN and "vfio-pci" in drivers,
        available=_is_available(root / "lib/modules" / release) if release else UNKNOWN,
        release=release,
        nodes=tuple(_read_nodes(root)),
        rules=tuple(_read_rules(root)),
        user=_read_user(root, settings),
        dynamic_ownership=settings.get("dynamic_ownership", "1") != "0",
        conf=_describe(root, settings),
        confined=driver != "none" and is_switched_on(sysfs / "module/apparmor/parameters/enabled"),
        profiles=_read_profiles(root),
    )


def _read_settings(root: Path) -> Mapping[str, str]:
    matches = (_SETTING.match(line) for line in read_lines(root / _CONF))
    return {match[1]: match[2].strip().strip('"') for match in matches if match is not None}


def _describe(root: Path, settings: Mapping[str, str]) -> Reading:
    said = [f"{name} = {settings[name]}" for name in _SETTINGS if name in settings]
    text = "; ".join(said) or "libvirt's defaults"
    content = read(root / _CONF)
    if not isinstance(content, str):
        text = "does not exist" if content is None else "cannot be read; libvirt's defaults assumed"
    return Reading(f"/{_CONF}", text)


def _is_available(modules: Path) -> bool | Unknown:
    lists = [read(modules / name) for name in ("modules.dep", "modules.builtin")]
    if not any(isinstance(one, str) for one in lists):
        return UNKNOWN
    return any(isinstance(one, str) and _MODULE.search(one) is not None for one in lists)


def _read_nodes(root: Path) -> Iterator[DeviceNode]:
    names = names_in(root / "dev/vfio")
    for name in () if names is None or names is UNKNOWN else names:
        path = root / "dev/vfio" / name
        try:
            status = path.stat()
        except OSError:
            continue  # gone since it was listed
        if not path.is_dir():
            mode = status.st_mode & 0o777
            yield DeviceNode(f"/dev/vfio/{name}", status.st_uid, status.st_gid, mode)


def _read_rules(root: Path) -> Iterator[Reading]:
    for folder in _RULES:
        names = names_in(root / folder)
        for name in () if names is None or names is UNKNOWN else names:
            for line in read_lines(root / folder / name):
                if _ON_VFIO in line.replace(" ", ""):
                    yield Reading(f"/{folder}/{name}", line)


def _read_user(root: Path, settings: Mapping[str, str]) -> QemuUser:
    accounts = _read_accounts(root / "etc/passwd")
    default = next((name for name in _USERS if name in accounts), _USERS[0])
    name = settings.get("user", default)
    groups = [line.split(":") for line in read_lines(root / "etc/group")]
    gids = {
        int(fields[2])
        for fields in groups
        if len(fields) > 3  # noqa: PLR2004 - group(5): the fourth field lists the members
        and is_number(fields[2])
        and (fields[0] == settings.get("group") or name in fields[3].split(","))
    }
    number = name.removeprefix("+")
    if is_number(number):
        return QemuUser(name, int(number), frozenset(gids))
    if name not in accounts:
        return QemuUser(name, None)
    uid, gid = accounts[name]
    # The configured group stands in place of the account's own.
    return QemuUser(name, uid, frozenset(gids if "group" in settings else {*gids, gid}))


def _read_accounts(path: Path) -> Mapping[str, tuple[int, int]]:
    accounts = {}
    for line in read_lines(path):
        name, *fields = line.split(":")
        if len(fields) > 2 and is_number(fields[1]) and is_number(fields[2]):  # noqa: PLR2004 - passwd(5)
            accounts[name] = (int(fields[1]), int(fields[2]))
    return accounts


def _read_profiles(root: Path) -> Mapping[str, Sequence[str]]:
    """Return the lines on VFIO in the profiles that exist, by their paths."""
    return {
        f"/{path}": tuple(line for line in read_lines(root / path) if "/dev/vfio" in line)
        for path in _PROFILES
        if (root / path).is_file()
    }
