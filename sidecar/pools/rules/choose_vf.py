# SPDX-License-Identifier: Apache-2.0
"""Which VF of a PF the next guest gets, and why none."""

from collections.abc import Mapping, Sequence

from sidecar.errors import CapacityError, HostError
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView
from sidecar.model.vf import UNKNOWN, Source, Verdict, VirtualFunction
from sidecar.pools.rules.guard import is_proven_free


def choose_vf(
    view: PfView, promised: Mapping[PciAddress, str], *, libvirt_chooses: bool, managed: bool
) -> VirtualFunction:
    """Choose the VF that a domain gets: the last that is free.

    libvirt takes the first that no interface of its network has, and fails if it is a plain
    hostdev of some domain (``is in use by driver QEMU``); so we leave the first ones to it.

    Args:
        view: the PF, with all signals.
        promised: VFs that a domain's configuration names, and that domain.
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
    vfs = () if view.pf.vfs is UNKNOWN else view.pf.vfs
    free = {vf.address for vf in vfs if is_proven_free(view.usage(vf))} - set(promised)
    if libvirt_chooses:
        open_to_libvirt = tuple(vf for vf in vfs if not _in_a_domain(view, vf))
        risky = [vf for vf in open_to_libvirt if vf.address not in free]
        if risky:
            raise CapacityError(
                "libvirt would choose the VF, and might take one that is not free",
                where=str(view.pf.address),
                found=_describe(view, risky, promised),
                todo="Attach as interface or hostdev: then a free VF is chosen",
            )
        vfs = open_to_libvirt
    candidates = [vf for vf in vfs if vf.address in free]
    if not candidates:
        listed = () if view.pf.vfs is UNKNOWN else view.pf.vfs
        raise CapacityError(
            "no VF is free",
            where=str(view.pf.address),
            found=_describe(view, listed, promised) or "no VF at all",
            todo="Detach one, or define the pool with more VFs and start it anew",
        )
    if libvirt_chooses:
        for vf in candidates:
            _check_vf(view, vf, managed=managed)
        return candidates[0]
    _check_vf(view, candidates[-1], managed=managed)
    return candidates[-1]


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
            "the pool's PF cannot give a VF now", where=str(view.pf.address), found=problem
        )


def _check_vf(view: PfView, vf: VirtualFunction, *, managed: bool) -> None:
    """Demand what libvirt finds out too late: with teaming a domain goes on without its VF."""
    where, others = f"VF {vf.index} ({vf.address})", view.shared_groups.get(vf.address, ())
    if vf.iommu_group is None or vf.iommu_group is UNKNOWN:
        raise HostError(
            "this VF has no IOMMU group, so it cannot go to a guest",
            where=where,
            todo="portside doctor says why",
        )
    if others:
        raise HostError(
            "this VF's IOMMU group is not viable: a guest would get all of it or nothing",
            where=f"{where}, IOMMU group {vf.iommu_group}",
            found=f"in it also {', '.join(others)}",
            expected="a group of its own",
        )
    if not managed and not str(vf.driver).startswith("vfio"):
        raise HostError(
            "the pool is not managed, and this VF is not bound to VFIO",
            where=where,
            found=f"driver {vf.driver or 'none'}",
            expected="vfio-pci, or managed='yes' in the pool's <forward>",
        )


def _in_a_domain(view: PfView, vf: VirtualFunction) -> bool:
    evidence = view.usage(vf).evidence
    return any(one.source is Source.LIBVIRT and one.verdict is Verdict.IN_USE for one in evidence)


def _describe(
    view: PfView, vfs: Sequence[VirtualFunction], promised: Mapping[PciAddress, str]
) -> str:
    return "; ".join(f"VF {vf.index} ({vf.address}): {_reason(view, vf, promised)}" for vf in vfs)


def _reason(view: PfView, vf: VirtualFunction, promised: Mapping[PciAddress, str]) -> str:
    for verdict in (Verdict.IN_USE, Verdict.UNKNOWN):
        texts = [one.text for one in view.usage(vf).evidence if one.verdict is verdict]
        if texts:
            return ", ".join(texts)
    if vf.address in promised:
        return f"the configuration of domain {promised[vf.address]} names it"
    return "free by one signal only"
