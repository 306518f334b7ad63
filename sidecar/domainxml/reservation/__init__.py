# SPDX-License-Identifier: Apache-2.0
"""Reserving root ports: placeholders in, controllers made, placeholders out.

``reserve`` owns the three steps; ``source`` is the middle one, of which ``planner`` (in memory)
and ``skeleton`` (a real libvirt) are two.
"""
