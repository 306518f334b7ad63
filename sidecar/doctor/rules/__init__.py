# SPDX-License-Identifier: Apache-2.0
"""Findings: from what was read of a host to what will fail on it, and how to fix it.

Rule: pure, as ``sidecar.pools.rules``.
"""
