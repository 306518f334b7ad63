# SPDX-License-Identifier: Apache-2.0
"""Is a VF in use? Decided from what was read, with the evidence kept."""

from collections.abc import Iterator, Mapping, Sequence

from sidecar.host.holders import Holders
from sidecar.model.vf import (
    UNKNOWN,
    Evidence,
    NetInterface,
    Source,
    Unknown,
    Usage,
    Verdict,
    VirtualFunction,
)


def is_vfio(driver: str) -> bool:
    """Tell vfio-pci and the variants on top of it (``mlx5_vfio_pci``, ``xe-vfio-pci`` ...)."""
    return driver.replace("-", "_").endswith("vfio_pci")


def on_vfio(vf: VirtualFunction) -> bool:
    """Tell whether a VFIO driver has the VF."""
    return vf.driver is not None and vf.driver is not UNKNOWN and is_vfio(vf.driver)


def judge(
    vf: VirtualFunction,
    holders: Holders,
    addressed: Mapping[str, bool],
    devices: Sequence[str] = (),
) -> Usage:
    """Decide whether a VF is in use.

    Args:
        vf: the VF.
        holders: who has files of VFIO open; only asked if a VFIO driver has the VF.
        addressed: whether an interface has an IP address; of one that is not in there, that is
            not known.
        devices: names of the VF's own files in ``/dev/vfio/devices`` (Linux 6.6 and later).
    """
    return Usage(tuple(_weigh(vf, holders, addressed, devices)))


def _weigh(
    vf: VirtualFunction, holders: Holders, addressed: Mapping[str, bool], devices: Sequence[str]
) -> Iterator[Evidence]:
    if vf.driver is UNKNOWN:
        yield Evidence(Verdict.UNKNOWN, "its driver cannot be read")
    elif vf.driver is None:
        yield _weigh_enable(vf, "it has no driver")
    elif is_vfio(vf.driver):
        seen = list(_weigh_holders(vf, holders, devices))
        yield from seen
        yield _weigh_enable(vf, f"{vf.driver} has it", _out_of_sight(seen))
    elif vf.interfaces is UNKNOWN:
        yield Evidence(Verdict.UNKNOWN, f"{vf.driver} has it; its interfaces cannot be read")
    elif not vf.interfaces:
        yield Evidence(
            Verdict.IN_USE,
            f"{vf.driver} has it, and it has no network interface in this network namespace: "
            "the interface is in another one, or there is none",
            "another network namespace?",
        )
    else:
        for interface in vf.interfaces:
            yield from _weigh_interface(interface, addressed.get(interface.name, UNKNOWN))


def _out_of_sight(seen: Sequence[Evidence]) -> str:
    """Name who has a device open that no visible process has open."""
    return "" if any(one.who for one in seen) else "a process out of sight"


def _weigh_enable(vf: VirtualFunction, owner: str, who: str = "") -> Evidence:
    """Weigh the count of ``pci_enable_device``: VFIO calls it when a device is opened."""
    if vf.enabled is UNKNOWN:
        return Evidence(
            Verdict.UNKNOWN, f"{owner}; whether the device is switched on cannot be read (enable)"
        )
    if vf.enabled:
        text = f"{owner}, and the device is switched on (enable {vf.enabled})"
        return Evidence(Verdict.IN_USE, text, who)
    return Evidence(Verdict.FREE, f"{owner}, and the device is switched off (enable 0)")


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
                Verdict.IN_USE,
                f"process {process} has /dev/vfio/{file} open",
                str(process),
                Source.PROCESSES,
            )
    if vf.iommu_group is UNKNOWN:
        yield Evidence(
            Verdict.UNKNOWN, "its IOMMU group cannot be read, nor who has that one's file open"
        )
    if holders.hidden and vf.enabled is UNKNOWN:
        yield Evidence(
            Verdict.UNKNOWN, "not every process may be looked at", source=Source.PROCESSES
        )


def _weigh_interface(
    interface: NetInterface,
    addressed: bool | Unknown,  # noqa: FBT001 - or not known
) -> Iterator[Evidence]:
    name = interface.name
    if interface.up is UNKNOWN:
        yield Evidence(Verdict.UNKNOWN, f"whether interface {name} is up cannot be read")
    elif interface.up:
        yield Evidence(Verdict.IN_USE, f"interface {name} is up", f"{name} is up")
    else:
        yield Evidence(Verdict.FREE, f"interface {name} is down")
    if addressed is UNKNOWN:
        yield Evidence(
            Verdict.UNKNOWN,
            f"whether interface {name} has an IP address cannot be read: it is not among those "
            "of this process's network namespace",
        )
    elif addressed:
        text = f"interface {name} has an IP address"
        yield Evidence(Verdict.IN_USE, text, f"{name} has an address")
    if interface.uppers is UNKNOWN or interface.master is UNKNOWN:
        yield Evidence(Verdict.UNKNOWN, f"what uses interface {name} cannot be read")
        return
    if interface.master is not None:
        yield Evidence(
            Verdict.IN_USE,
            f"interface {name} belongs to {interface.master}",
            f"in {interface.master}",
        )
    for upper in interface.uppers:
        if upper != interface.master:
            yield Evidence(Verdict.IN_USE, f"{upper} stands on interface {name}", f"below {upper}")
