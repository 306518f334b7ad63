# SPDX-License-Identifier: Apache-2.0
"""Is there an IOMMU, and does it leave the host's own traffic alone?"""

from collections.abc import Iterator
from typing import Final

from sidecar.doctor.rules.facts import HOST
from sidecar.doctor.rules.finding import Code, Finding, Level, or_fine
from sidecar.model.host_facts import IommuFacts, Reading
from sidecar.model.vf import UNKNOWN

_GROUPS: Final = "/sys/kernel/iommu_groups"
_SAYS: Final = "host doesn't support passthrough of host PCI devices"
_ON: Final = (
    "Switch the IOMMU on in the firmware setup (VT-d, AMD-Vi, SMMU); on Intel also boot with "
    "intel_iommu=on iommu=pt on the kernel command line (AMD's is on by default)"
)


def examine_iommu(facts: IommuFacts) -> Iterator[Finding]:
    """Say whether devices can be given to guests."""
    fine = Finding(Code.IOMMU, Level.OK, HOST, "the IOMMU is on", evidence=tuple(_evidence(facts)))
    return or_fine(_examine(facts), fine)


def _examine(facts: IommuFacts) -> Iterator[Finding]:
    if facts.groups is UNKNOWN or facts.groups == 0:
        text, remedy = "the IOMMU is off: no device can be assigned to a guest", _ON
        if facts.groups is UNKNOWN:
            text = "cannot read whether the IOMMU is on"
            remedy = "Mount the host's sysfs on /sys"
        elif switches := _switches(facts, "=off"):
            text += f" (the kernel command line has {' '.join(switches)})"
            remedy = f"Remove {' '.join(switches)} from the kernel command line. {_ON}"
        elif facts.no_iommu:
            remedy += ". VFIO's no-IOMMU mode is enabled, which libvirt does not use"
        yield Finding(
            Code.IOMMU_OFF, Level.FAILS, HOST, text, _SAYS, tuple(_evidence(facts)), remedy
        )
    translated = {group: kind for group, kind in facts.types.items() if kind != "identity"}
    if translated:
        yield Finding(
            Code.IOMMU_TRANSLATES,
            Level.WARNING,
            HOST,
            "the IOMMU is not in passthrough mode: the host's own traffic over the PFs is "
            "translated, which is slower (guests are not affected)",
            evidence=(
                *(
                    Reading(f"{_GROUPS}/{group}/type", kind)
                    for group, kind in sorted(translated.items())
                ),
                *_command_line(facts),
            ),
            remedy="Boot with iommu=pt on the kernel's command line",
        )


def _evidence(facts: IommuFacts) -> Iterator[Reading]:
    groups = "cannot be read" if facts.groups is UNKNOWN else f"{facts.groups} groups"
    yield Reading(_GROUPS, groups)
    if facts.units is not UNKNOWN:
        yield Reading("/sys/class/iommu", " ".join(facts.units) or "empty")
    yield from _command_line(facts)


def _command_line(facts: IommuFacts) -> Iterator[Reading]:
    if facts.command_line is not UNKNOWN:
        words = " ".join(word for word in facts.command_line.split() if "iommu" in word)
        yield Reading("/proc/cmdline", words or "no IOMMU options")


def _switches(facts: IommuFacts, ending: str) -> tuple[str, ...]:
    line = "" if facts.command_line is UNKNOWN else facts.command_line
    names = ("iommu", "intel_iommu", "amd_iommu")
    return tuple(word for word in line.split() if word in {f"{name}{ending}" for name in names})
