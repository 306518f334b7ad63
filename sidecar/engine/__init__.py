# SPDX-License-Identifier: Apache-2.0
"""One call of the hook, bytes to bytes: VMI JSON and domain XML in, domain XML out.

Rule: knows neither gRPC nor files; whoever called it is not its business.
"""
