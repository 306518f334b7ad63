# SPDX-License-Identifier: Apache-2.0
"""Domain XML, bytes to bytes.

Rule: the only importer of lxml, and pure: no I/O, time, logging, grpc or libvirt.
"""
