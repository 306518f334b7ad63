# SPDX-License-Identifier: Apache-2.0
"""What a libvirt's domains have of this host's PCI devices."""

from dataclasses import dataclass

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress


@dataclass(frozen=True, slots=True)
class GuestDevice:
    """A PCI device of the host in a domain's XML.

    Args:
        domain: the domain's name.
        uuid: the domain's UUID, as libvirt prints it.
        state: of the domain, in virsh's words: ``running``, ``paused``, ``shut off`` ...
        live: whether the domain has it now; else its configuration only says that it will
            have it when it starts.
        vf: the device's address on the host; a VF, or anything else that was handed out.
        alias: of the device, empty if it has none.
        mac: of the interface, ``None`` for a plain hostdev.
    """

    domain: str
    uuid: str
    state: str
    live: bool
    vf: PciAddress
    alias: str = ""
    mac: MacAddress | None = None
