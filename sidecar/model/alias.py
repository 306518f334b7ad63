# SPDX-License-Identifier: Apache-2.0
"""Aliases of a VM's devices in the domain: KubeVirt's, and those of the VFs that we add.

libvirt keeps an alias that begins with ``ua-``. KubeVirt's come from its converter
(``pkg/virt-launcher/virtwrap/device/hostdevice``). Devices that ``portside pool attach``
plugs on a plain libvirt host have names of their own (``sidecar.pools.rules.attachable``).
"""

from typing import Final

from sidecar.model.request import AttachAs

USER: Final = "ua-"
SRIOV: Final = "ua-sriov-"
"""Of hostdevs: KubeVirt unplugs every one of this prefix before a live migration."""
HOST_DEVICES: Final = ("ua-hostdevice-", "ua-dra-hostdevice-")
"""An entry of ``hostDevices``: by a device plugin, or by dynamic resource allocation."""
PORTSIDE: Final = "portside-"
"""Stands in front of an entry's name; to KubeVirt that is the name of the VF's network."""


def of_network(name: str) -> str:
    """Return the alias of a network's ``<interface>``."""
    return USER + name


def of_sriov_network(name: str) -> str:
    """Return the alias of an SR-IOV network's ``<hostdev>``."""
    return SRIOV + name


def of_host_device(name: str) -> tuple[str, ...]:
    """Return the aliases that an entry of ``hostDevices`` may have."""
    return tuple(prefix + name for prefix in HOST_DEVICES)


def of_entry(name: str, kind: AttachAs) -> str:
    """Return the alias of an entry of ``portside.io/vfs``.

    A ``<hostdev>`` is named like KubeVirt's own VFs, so that it leaves before a migration;
    an ``<interface>`` is none that KubeVirt would unplug.
    """
    return (SRIOV if kind is AttachAs.HOSTDEV else USER) + PORTSIDE + name


def any_of_entry(name: str) -> frozenset[str]:
    """Return all aliases by which an entry is known.

    Portside 0.1.0 and before named every VF ``ua-portside-NAME``, hostdevs too.
    """
    return frozenset({of_entry(name, kind) for kind in AttachAs})


def is_of_entry(text: str) -> bool:
    """Tell whether an alias is one that an entry of ``portside.io/vfs`` gives, whichever."""
    return text.startswith((SRIOV + PORTSIDE, USER + PORTSIDE))
