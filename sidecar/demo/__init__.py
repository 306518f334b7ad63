# SPDX-License-Identifier: Apache-2.0
"""Plays virt-launcher against a real hook server, libvirt and QEMU.

Rule: nothing is simulated but virt-launcher itself.
"""
