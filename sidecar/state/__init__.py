# SPDX-License-Identifier: Apache-2.0
"""What Portside remembers on a node: leases, pools, PFs; written durably, one writer at a time.

Rule: disk only, nothing of the host. The root is an argument, and so is the time. A record
that is damaged, missing or cut short is never taken for a free VF. ``store`` is what others
use; ``lifecycle`` holds the transitions of a lease, pure; ``records`` is JSON to values and
back, pure; ``files`` and ``locks`` touch the disk.
"""
