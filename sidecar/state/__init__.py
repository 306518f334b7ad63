# SPDX-License-Identifier: Apache-2.0
"""What Portside remembers on a node: leases, pools, PFs; written durably, one writer at a time."""
