# SPDX-License-Identifier: Apache-2.0
"""What kernel and processes say of a VF: the signals, each with its sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sidecar.host.holders import Holders
from sidecar.host.writer import is_vfio, weigh_kernel
from sidecar.model.availability import Availability, Evidence, Source
from sidecar.model.vf import UNKNOWN, NetInterface, VirtualFunction


def on_vfio(vf: VirtualFunction) -> bool:
    """Tell whether a VFIO driver has the VF."""
    return vf.driver is not None and vf.driver is not UNKNOWN and is_vfio(vf.driver)


def read_signals(
    vf: VirtualFunction,
    holders: Holders,
    addressed: Mapping[str, bool],
    devices: Sequence[str] = (),
    *,
    network: bool = True,
) -> tuple[Evidence, ...]:
    """Return what is seen of a VF; ``sidecar.pools.rules.availability`` decides by it.

    Args:
        vf: the VF.
        holders: who has files of VFIO open; only asked if a VFIO driver has the VF.
        addressed: whether an interface has an IP address; of one that is not in there, that is
            not known.
        devices: names of the VF's own files in ``/dev/vfio/devices`` (Linux 6.6 and later).
        network: whether its PF is a network card.
    """
    seen = tuple(_weigh_holders(vf, holders, devices)) if on_vfio(vf) else ()
    return (*seen, *_weigh_kernel(vf, seen, network=network), *_weigh_addresses(vf, addressed))


def _weigh_kernel(
    vf: VirtualFunction, seen: Sequence[Evidence], *, network: bool
) -> Iterator[Evidence]:
    driver = None if vf.driver is UNKNOWN else vf.driver or ""
    enable = None if vf.enabled is UNKNOWN else vf.enabled
    interfaces = None if vf.interfaces is UNKNOWN else [_columns(one) for one in vf.interfaces]
    for verdict, text, who in weigh_kernel(driver, enable, interfaces, network=network):
        signal = Evidence(Availability(verdict), text, who)
        if on_vfio(vf) and vf.enabled and not any(one.who for one in seen):
            signal = replace(signal, who=_UNIDENTIFIED)
        yield signal


_UNIDENTIFIED = "an unidentified process"


def _columns(
    interface: NetInterface,
) -> tuple[str, bool | None, str | None, list[str] | None]:
    uppers, master = interface.uppers, interface.master
    return (
        interface.name,
        None if interface.up is UNKNOWN else interface.up,
        None if master is UNKNOWN else master or "",
        None if uppers is UNKNOWN else list(uppers),
    )


def _weigh_holders(
    vf: VirtualFunction, holders: Holders, devices: Sequence[str]
) -> Iterator[Evidence]:
    """Name those who hold a file; that there is none to be seen proves nothing."""
    files = [f"devices/{name}" for name in devices]
    if vf.iommu_group is not None and vf.iommu_group is not UNKNOWN:
        files += [str(vf.iommu_group), f"noiommu-{vf.iommu_group}"]
    for file in files:
        for process in holders.by_file.get(file, ()):
            yield Evidence(
                Availability.IN_USE,
                f"process {process} has /dev/vfio/{file} open",
                str(process),
                Source.PROCESSES,
            )
    if vf.iommu_group is UNKNOWN:
        yield Evidence(
            Availability.UNKNOWN,
            "cannot read its IOMMU group, nor which process has the group's file open",
        )
    if holders.hidden and vf.enabled is UNKNOWN:
        yield Evidence(
            Availability.UNKNOWN, "not all processes can be inspected", source=Source.PROCESSES
        )


def _weigh_addresses(vf: VirtualFunction, addressed: Mapping[str, bool]) -> Iterator[Evidence]:
    """Weigh the IP addresses of a VF's interfaces, which only netlink tells."""
    if vf.driver is None or vf.driver is UNKNOWN or on_vfio(vf) or vf.interfaces is UNKNOWN:
        return
    for interface in vf.interfaces:
        name, known = interface.name, addressed.get(interface.name)
        if known is None:
            yield Evidence(
                Availability.UNKNOWN,
                f"cannot read whether interface {name} has an IP address: it is not in this "
                "process's network namespace",
            )
        elif known:
            text = f"interface {name} has an IP address"
            yield Evidence(Availability.IN_USE, text, f"{name} has an address")
