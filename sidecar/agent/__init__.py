# SPDX-License-Identifier: Apache-2.0
"""``portside node``: the process that stays on a node.

Rule: everything that it must not forget is on disk; what it keeps in memory is when to look
again. It acts on what it sees, not on what it heard, so that a restart loses nothing.
"""
