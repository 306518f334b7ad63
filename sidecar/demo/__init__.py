# SPDX-License-Identifier: Apache-2.0
"""Plays virt-launcher against a real hook server, libvirt and QEMU.
"""
