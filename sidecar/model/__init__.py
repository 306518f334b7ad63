# SPDX-License-Identifier: Apache-2.0
"""Values that every part shares: frozen, slotted, validated on construction.

Rule: no I/O, no logging, no XML, no JSON; a value that exists is a valid one.
"""
