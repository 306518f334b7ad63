# SPDX-License-Identifier: Apache-2.0
"""What portside does on a node: observe, decide (``sidecar.pool``), act, record.

Rule: the composer. Everything that touches the host goes through ``host``, ``virt`` and ``state``.
"""
