# SPDX-License-Identifier: Apache-2.0
"""VFs of a node and pools of them: observe, decide (``rules``), act, record.

Rule: composes. Everything that touches the host goes through ``host``, ``virt`` and ``state``;
what is decided, ``rules`` decides.
"""
