# SPDX-License-Identifier: Apache-2.0
"""What KubeVirt does to a domain between two calls of the hook, for the demo and the tests."""
