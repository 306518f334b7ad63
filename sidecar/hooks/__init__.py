# SPDX-License-Identifier: Apache-2.0
"""KubeVirt's hook contract over gRPC: sockets, services, status codes, log lines.

Rule: thin adapters around the engine; the only importer of grpc.
"""
