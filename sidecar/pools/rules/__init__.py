# SPDX-License-Identifier: Apache-2.0
"""Decisions about VFs and pools: pure.

Rule: no I/O, no clock, no libvirt; what is known comes in as values, what to do goes out as values.
"""
