# SPDX-License-Identifier: Apache-2.0
"""Portside: PCIe root ports, teaming and virtual functions for KubeVirt VMs.

The product's parts, each a package: ``hook`` (beside a VM), ``pools`` (VFs of a node),
``agent`` (the process that stays on a node), ``doctor`` (what will fail on a host), ``demo``.
What they share: ``domainxml`` and ``vmi`` (documents), ``host`` (the kernel), ``virt``
(libvirt), ``state`` (the disk), ``process`` (sockets, signals, serving), ``draw``, ``model``.

The layers are in ``docs/design.md``; import-linter checks them (``pyproject.toml``).
"""

__version__ = "0.1.0"
