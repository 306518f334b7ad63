# SPDX-License-Identifier: Apache-2.0
"""What virt-launcher of KubeVirt 1.9 does with a domain before it boots.

Source: ``allocateHotplugPorts`` (``pkg/virt-launcher/virtwrap/manager.go``): placeholders
for NICs to come, libvirt's read-back, extra root ports, and the hook asked at every define.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sidecar.domainxml.kubevirt import replay

Hook: TypeAlias = Callable[[bytes, bytes], bytes]
"""VMI (JSON) and domain (XML) in, domain out."""
Define: TypeAlias = Callable[[bytes], bytes]
"""Domain in, libvirt's inactive XML out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the hook: what it was sent, what it answered, what libvirt made of it."""

    sent: bytes
    answered: bytes
    defined: bytes


@dataclass(frozen=True, slots=True)
class Guest:
    """What of a VMI decides how KubeVirt reserves ports."""

    interfaces: int
    slots: int | None
    root_complex: bool
    express: bool
    transitional: bool

    @classmethod
    def read(cls, vmi: bytes) -> "Guest":
        """Read a VMI's JSON; it is one of ours or of a recording, so nothing is checked."""
        document: dict[str, Any] = json.loads(vmi)
        annotations = document["metadata"].get("annotations", {})
        devices = document["spec"]["domain"].get("devices", {})
        slots = annotations.get("kubevirt.io/pci-interface-slot-count")
        return cls(
            interfaces=len(devices.get("interfaces", [])),
            slots=None if slots is None else int(slots),
            root_complex=annotations.get("kubevirt.io/placePCIDevicesOnRootComplex") == "true",
            express=_has_express(document["spec"]),
            transitional=bool(devices.get("useVirtioTransitional")),
        )

    @property
    def placeholders(self) -> int:
        """NICs that KubeVirt defines in call 1 only to get their ports."""
        if self.slots is not None:
            return max(0, self.slots - self.interfaces)
        if self.root_complex or self.interfaces == 0:
            return 0
        return max(0, 4 - self.interfaces)

    def extra_ports(self, domain: bytes) -> int:
        """Root ports that KubeVirt appends before the last call."""
        if self.root_complex:
            return 0
        return replay.count_extra_ports(domain, self.placeholders)


def _has_express(spec: dict[str, Any]) -> bool:
    """Whether KubeVirt expects root ports (``defaults.SupportsPCIeHotplug``)."""
    machine = spec["domain"].get("machine")
    if spec.get("architecture", "") not in {"amd64", "arm64", ""}:
        return False
    return machine is None or "q35" in machine["type"] or machine["type"].startswith("virt")


def boot(vmi: bytes, domain: bytes, hook: Hook, define: Define) -> tuple[Call, ...]:
    """Play the calls of one boot.

    Args:
        vmi: the VMI as JSON.
        domain: the domain as the converter makes it, without placeholders.
        hook: asked before every define, as virt-launcher asks its sidecar.
        define: libvirt.

    Returns:
        the calls in order; ``defined`` of the last one is what boots.
    """
    guest = Guest.read(vmi)
    calls: list[Call] = []

    def ask_and_define(sent: bytes) -> Call:
        answered = hook(vmi, sent)
        call = Call(sent, answered, define(answered))
        calls.append(call)
        return call

    if not guest.express:
        ask_and_define(domain)
        return tuple(calls)
    extra = guest.extra_ports(domain)
    if guest.placeholders:
        model = "virtio-transitional" if guest.transitional else "virtio-non-transitional"
        call = ask_and_define(replay.add_placeholders(domain, guest.placeholders, model))
        domain = replay.take_devices(domain, call.defined, keep_interfaces=True)
    call = ask_and_define(domain)
    domain = replay.read_by_kubevirt(call.answered)
    if not guest.placeholders:
        domain = replay.take_devices(domain, call.defined, keep_interfaces=False)
    domain = replay.add_root_ports(domain, extra)
    ask_and_define(replay.lock_occupied_ports(domain))
    return tuple(calls)
