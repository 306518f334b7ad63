# SPDX-License-Identifier: Apache-2.0
"""Generated from ``proto/`` by ``scripts/proto``; compared with it by a test."""
