# SPDX-License-Identifier: Apache-2.0
"""What every process of Portside's that serves is made of: sockets, signals, gRPC, HTTP, log.

Rule: knows nothing of VMs, VFs or pools.
"""
