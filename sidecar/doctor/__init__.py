# SPDX-License-Identifier: Apache-2.0
"""The doctor: reads what a host, its libvirt and its pools show, and says what will fail.

Rule: changes nothing. The modules here read; ``rules`` judges.
"""
