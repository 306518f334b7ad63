# SPDX-License-Identifier: Apache-2.0
"""Which VF of a PF the next guest gets, and why none."""

from collections.abc import Sequence

from sidecar.errors import CapacityError, HostError
from sidecar.model.availability import Availability, Source
from sidecar.model.pool import PfView
from sidecar.model.vf import UNKNOWN, VirtualFunction
from sidecar.pools.rules.on_host import interfaces_up, keep_unmanaged


def choose_vf(view: PfView, *, libvirt_chooses: bool, managed: bool) -> VirtualFunction:
    """Choose the VF that a domain gets: the last that is free.

    libvirt takes the first that no interface of its network has, and fails if it is a plain
    hostdev of some domain (``is in use by driver QEMU``); so we leave the first ones to it.

    Args:
        view: the PF, with all signals.
        libvirt_chooses: it looks only at what running domains have; so each of the others
            must be free.
        managed: whether libvirt takes it from its driver.

    Returns:
        the VF, or the one that libvirt will probably take.

    Raises:
        CapacityError: none is free, or libvirt might take one that is not; the error names
            who has them.
        HostError: the PF is in quarantine or down, or the VF cannot go to a guest.
    """
    _check_pf(view)
    vfs = view.vfs
    if libvirt_chooses:
        open_to_libvirt = tuple(vf for vf in vfs if not _in_a_domain(view, vf))
        risky = [vf for vf in open_to_libvirt if not view.assess(vf).free]
        if risky:
            raise CapacityError(
                "libvirt would choose the VF and might take one that is not free",
                where=str(view.pf.address),
                found=_describe(view, risky),
                todo="Use --as interface or --as hostdev, so that Portside chooses a free VF"
                if any(view.assess(vf).free for vf in vfs)
                else _advise(view),
            )
        vfs = open_to_libvirt
    candidates = [vf for vf in vfs if view.assess(vf).free]
    if not candidates:
        raise CapacityError(
            "no VF is free",
            where=str(view.pf.address),
            found=_describe(view, view.vfs) or "no VFs",
            todo=_advise(view),
        )
    if libvirt_chooses:
        for vf in candidates:
            _check_vf(view, vf, managed=managed)
        return candidates[0]
    _check_vf(view, candidates[-1], managed=managed)
    return candidates[-1]


def _advise(view: PfView) -> str:
    """Say how a VF comes free where none is."""
    up = interfaces_up(vf for vf in view.vfs if not _in_a_domain(view, vf))
    if up:
        # More VFs would be brought up as these were.
        return keep_unmanaged(view.pf.address, up)
    return "Detach one, or define the pool with more VFs and start it anew"


def _check_pf(view: PfView) -> None:
    problem = ""
    if view.quarantine:
        problem = f"in quarantine: {view.quarantine}"
    elif view.pf.vfs is UNKNOWN:
        problem = "its VFs cannot be listed"
    elif view.up is False:
        problem = "its interface is down: libvirt would say that the PF is not online"
    if problem:
        raise HostError(
            "the pool's PF cannot provide a VF now", where=str(view.pf.address), found=problem
        )


def _check_vf(view: PfView, vf: VirtualFunction, *, managed: bool) -> None:
    """Demand what libvirt finds out too late: with teaming a domain goes on without its VF."""
    where, others = f"VF {vf.index} ({vf.address})", view.shared_groups.get(vf.address, ())
    if vf.iommu_group is None or vf.iommu_group is UNKNOWN:
        raise HostError(
            "this VF has no IOMMU group, so it cannot be assigned to a guest",
            where=where,
            todo="portside doctor shows why",
        )
    if others:
        raise HostError(
            "this VF's IOMMU group is not viable: a guest can only get a group as a whole",
            where=f"{where}, IOMMU group {vf.iommu_group}",
            found=f"also in the group: {', '.join(others)}",
            expected="an IOMMU group of its own",
        )
    if not managed and not str(vf.driver).startswith("vfio"):
        raise HostError(
            "the pool is not managed, and this VF is not bound to VFIO",
            where=where,
            found=f"driver {vf.driver or 'none'}",
            expected="vfio-pci, or managed='yes' in the pool's <forward>",
        )


def _in_a_domain(view: PfView, vf: VirtualFunction) -> bool:
    evidence = view.assess(vf).evidence
    return any(
        one.source is Source.LIBVIRT and one.verdict is Availability.IN_USE for one in evidence
    )


def _describe(view: PfView, vfs: Sequence[VirtualFunction]) -> str:
    return "; ".join(
        f"VF {vf.index} ({vf.address}) is {view.assess(vf).availability}: {view.assess(vf).why}"
        for vf in vfs
    )
