# SPDX-License-Identifier: Apache-2.0
"""Pictures of a domain's PCI tree, for a terminal (rich) and as SVG.

Rule: reads domainxml's Topology, decides nothing.
"""
