# SPDX-License-Identifier: Apache-2.0
"""Totals of devices that a VM may come to have."""

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.errors import RequestError
from sidecar.model.request import MAX_TOTAL, DeviceTotal
from sidecar.vmi import annotations as known
from sidecar.vmi.annotations import Annotations
from sidecar.vmi.field import Field, describe
from sidecar.vmi.quantity import read_count


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of device: the resource and the annotation that ask for its total."""

    resource: str
    annotation: str


INTERFACES = Kind("kubevirt.io/interface", known.INTERFACES)
DISKS = Kind("kubevirt.io/disk", known.DISKS)
HOST_DEVICES = Kind("kubevirt.io/hostdevice", known.HOST_DEVICES)

RESOURCES = frozenset(kind.resource for kind in (INTERFACES, DISKS, HOST_DEVICES))


@dataclass(frozen=True, slots=True)
class Defined:
    """How many devices of a kind the VMI defines, and names of those the domain may lack."""

    count: int
    uncertain: frozenset[str] = frozenset()


def read_total(
    kind: Kind, vmi: Field, annotations: Annotations, count: Callable[[], Defined]
) -> DeviceTotal | None:
    """Return the total that the VMI asks for, None when it does not.

    Args:
        kind: the kind of device.
        vmi: the whole VMI.
        annotations: its annotations.
        count: how many devices of the kind the VMI defines; called when it asks.

    Raises:
        RequestError: a limit, no whole number from 0 to 32, or a request and an
            annotation that differ.
    """
    resources = ("spec", "domain", "resources")
    limit = vmi.get(*resources, "limits", kind.resource)
    if limit is not None:
        raise limit.refuse(
            f"{kind.resource} is a total to request and no limit",
            "the key in requests only",
            f"Move it to spec.domain.resources.requests or to the annotation {kind.annotation}",
        )
    request = vmi.get(*resources, "requests", kind.resource)
    annotation = annotations.plain(kind.annotation)
    asked = [field for field in (request, annotation) if field is not None]
    if not asked:
        return None
    totals = [read_count(field, 0, MAX_TOTAL) for field in asked]
    if totals[0] != totals[-1]:
        raise RequestError(
            f"differs from the request {kind.resource} of the VMI",
            where=asked[-1].where,
            found=describe(totals[-1]),
            expected=f"{totals[0]}, or only one of the two",
        )
    defined = count()
    return DeviceTotal(totals[0], defined.count, asked[0].where, defined.uncertain)
