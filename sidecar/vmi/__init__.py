# SPDX-License-Identifier: Apache-2.0
"""VMI JSON to a Request.

Rule: pure. Bytes in, values out; no I/O, no XML, no logging, no environment.
"""
