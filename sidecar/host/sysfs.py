# SPDX-License-Identifier: Apache-2.0
"""Files, links and folders of a sysfs, read without surprises."""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sidecar.errors import HostError, RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Unknown

SYSFS: Final = Path("/sys")

_PAGE: Final = 4096
"""A sysfs attribute never has more bytes than a page, and comes in one read."""
_FILE: Final = os.O_RDONLY | os.O_CLOEXEC
_LISTED: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NAMED: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Folder:
    """A device's folder, held open: once the device is gone, nothing in it exists any more.

    So whatever was read before a file that must exist was read of one and the same device.
    Every method gives ``None`` for what does not exist and ``UNKNOWN`` for what exists and
    cannot be read.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        """Take over an open descriptor."""
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)

    def exists(self, name: str) -> bool:
        """Tell whether there is such a file, readable or not."""
        try:
            os.stat(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def text(self, name: str) -> str | Unknown | None:
        """Return a file's text without the line's end."""
        try:
            file = os.open(name, _FILE, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError:
            return UNKNOWN
        try:
            return os.read(file, _PAGE).decode(errors="replace").strip()
        except OSError:
            return UNKNOWN
        finally:
            os.close(file)

    def number(self, name: str, base: int = 0) -> int | Unknown:
        """Return a file's number; ``UNKNOWN`` also without the file.

        Base 0 is decimal, or what 0x says; ``sriov_vf_device`` is hexadecimal without 0x.
        """
        text = self.text(name)
        if text is None or text is UNKNOWN:
            return UNKNOWN
        try:
            return int(text, base)
        except ValueError:
            return UNKNOWN

    def link(self, name: str) -> str | Unknown | None:
        """Return the last part of where a link leads."""
        try:
            target = os.readlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError:
            return UNKNOWN
        return target.rpartition("/")[2]

    def names(self, name: str = ".") -> list[str] | Unknown | None:
        """Return the names in a folder, in no order."""
        try:
            folder = os.open(name, _LISTED, dir_fd=self._descriptor)
        except FileNotFoundError:
            return None
        except OSError:
            return UNKNOWN
        try:
            with os.scandir(folder) as entries:
                return [entry.name for entry in entries]
        except OSError:
            return UNKNOWN
        finally:
            os.close(folder)


class Sysfs:
    """A sysfs at ``root``.

    Args:
        root: where it is mounted.
        addressed: the network interfaces that have an IP address, which no file tells.
            ``None``: this machine's kernel is asked if the sysfs is its own, and of any other
            nothing is known.
    """

    def __init__(
        self, root: Path = SYSFS, *, addressed: frozenset[str] | Unknown | None = None
    ) -> None:
        """Take the root; nothing is read yet."""
        self.root = root
        self.addressed = addressed
        self.devices = root / "bus/pci/devices"
        # Joined as text: pathlib would take a tenth of an inventory's time.
        self._prefix = f"{self.devices}/"

    def functions(self) -> list[str]:
        """Return the names of all PCI functions, in the order of their addresses.

        Raises:
            HostError: the folder of PCI devices cannot be listed.
        """
        try:
            with os.scandir(self.devices) as entries:
                return sorted(entry.name for entry in entries)
        except OSError as error:
            raise _unreadable(self.devices, error) from error

    def open(self, name: str) -> Folder | None:
        """Open the folder of a function, e.g. ``0000:3b:02.1``; ``None`` if there is none.

        Raises:
            HostError: it is there and cannot be opened.
        """
        path = f"{self._prefix}{name}"
        try:
            return Folder(os.open(path, _NAMED))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(Path(path), error) from error


def parse_name(name: str) -> PciAddress | None:
    """Return the address that a name of sysfs stands for, ``None`` if it is no such name."""
    try:
        return PciAddress.parse(name)
    except RequestError:
        return None


def _unreadable(path: Path, error: OSError) -> HostError:
    return HostError(
        "cannot read the PCI devices",
        where=str(path),
        found=f"{error.strerror} (errno {error.errno})",
        expected="sysfs, mounted on /sys",
        todo="In a container, /sys must be the host's",
    )
