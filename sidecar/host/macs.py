# SPDX-License-Identifier: Apache-2.0
"""The MAC addresses that a function's own network interfaces have, as sysfs tells them."""

from sidecar.errors import RequestError
from sidecar.host.sysfs import Folder, Sysfs
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Unknown


def read_macs(sysfs: Sysfs, function: PciAddress) -> tuple[tuple[str, MacAddress | Unknown], ...]:
    """Return name and MAC address of each interface in our network namespace.

    One whose address cannot be read, or is none of Ethernet's, has ``UNKNOWN``.

    Raises:
        HostError: the function is there and its folder cannot be opened.
    """
    folder = sysfs.open(str(function))
    if folder is None:
        return ()
    with folder:
        names = folder.names("net")
        listed = () if names is UNKNOWN or names is None else sorted(names)
        return tuple((name, _read(folder, name)) for name in listed)


def _read(folder: Folder, name: str) -> MacAddress | Unknown:
    text = folder.text(f"net/{name}/address")
    try:
        return MacAddress.parse(text) if isinstance(text, str) else UNKNOWN
    except RequestError:
        return UNKNOWN
