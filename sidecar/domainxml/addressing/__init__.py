# SPDX-License-Identifier: Apache-2.0
"""libvirt's PCI address assignment: which devices there are, and where each will sit.

From the bottom: ``connect`` (what plugs into what), ``buses`` (who sits where), ``machine``,
``classify`` (how each element connects), ``implicit`` (what libvirt adds), ``controllers``,
``inventory`` (all PCI devices), ``chipset`` (what a board places itself), ``layout`` (libvirt's
two passes).

Rule: says what libvirt will do and changes no document.
"""
