# SPDX-License-Identifier: Apache-2.0
"""Portside: PCIe root ports, teaming and virtual functions for KubeVirt VMs.

Layers, top to bottom (import-linter checks them, see ``pyproject.toml``)::

    cli
    roles | demo
    hooks | virt | draw
    engine
    domainxml | vmi
    model
    errors

A layer imports only from layers below it.
"""

__version__ = "0.1.0"
