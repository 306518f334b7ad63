# SPDX-License-Identifier: Apache-2.0
"""Long-running processes: wires the parts, reads the environment, handles signals."""
