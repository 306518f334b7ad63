# SPDX-License-Identifier: Apache-2.0
"""The card VM's initramfs: busybox and the modules that mount its root, in the newc format."""

import gzip
import io
import lzma
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

MODULES = ("9pnet_virtio", "9p", "overlay")
FOLDERS = ("bin", "dev", "lower", "modules", "new", "proc", "rw", "sys")
INIT = Path(__file__).parent / "guest" / "init"


def write_initramfs(modules: Path, busybox: Path, target: Path) -> None:
    """Write the initramfs.

    Args:
        modules: ``/lib/modules/VERSION`` of the tree.
        busybox: a static busybox.
        target: where to; it appears when it is whole.
    """
    files = {"bin/busybox": busybox.read_bytes(), "init": INIT.read_bytes()}
    # Their order is in their names: insmod looks for no dependencies.
    for number, path in enumerate(load_order(modules)):
        # busybox's insmod cannot unpack.
        module = lzma.decompress((modules / path).read_bytes())
        files[f"modules/{number:02}-{Path(path).name.removesuffix('.xz')}"] = module
    write_archive(target, FOLDERS, files)


def write_archive(target: Path, folders: Sequence[str], files: Mapping[str, bytes]) -> None:
    """Write an initramfs; all its files can be executed. It appears when it is whole."""
    archive = io.BytesIO()
    for folder in folders:
        _add(archive, folder, stat.S_IFDIR | 0o755)
    for name, content in files.items():
        _add(archive, name, stat.S_IFREG | 0o755, content)
    _add(archive, "TRAILER!!!", 0)
    partial = target.with_suffix(".partial")
    partial.write_bytes(gzip.compress(archive.getvalue(), 1))
    partial.rename(target)


def load_order(modules: Path) -> list[str]:
    """Return the paths of ``MODULES`` and of what they depend on, dependencies first."""
    depends = dict(_read_depends((modules / "modules.dep").read_text()))
    named = {Path(path).name.partition(".")[0]: path for path in depends}
    order: list[str] = []
    for name in MODULES:
        path = named[name]
        # modules.dep lists all of them, those that are needed last first.
        order += [one for one in [*reversed(depends[path]), path] if one not in order]
    return order


def _read_depends(text: str) -> Iterator[tuple[str, list[str]]]:
    for line in text.splitlines():
        path, _, depends = line.partition(":")
        yield path, depends.split()


def _add(archive: io.BytesIO, name: str, mode: int, content: bytes = b"") -> None:
    """Append one file: magic, 13 fields of 8 hex digits, name, content, each padded to 4."""
    inode = archive.tell() // 4 + 1
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    archive.write(b"070701" + b"".join(b"%08X" % field for field in fields))
    archive.write(name.encode() + b"\0")
    archive.write(b"\0" * (-archive.tell() % 4))
    archive.write(content)
    archive.write(b"\0" * (-archive.tell() % 4))
