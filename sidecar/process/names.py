# SPDX-License-Identifier: Apache-2.0
"""Names of log levels and containers, free of imports: needed before gRPC is loaded."""

_MAX_NAME = 63
LOG_LEVELS = ("debug", "info", "warning", "error")


def is_kubernetes_name(text: str) -> bool:
    """Whether Kubernetes gives such names to containers and objects, and a path can carry it.

    Without a regular expression: compiling one takes longer than all the rest here.
    """
    inner = text.replace("-", "").replace(".", "")
    return len(text) <= _MAX_NAME and inner.isascii() and inner.isalnum() and _ends_in_alnum(text)


def _ends_in_alnum(text: str) -> bool:
    return text[0].isalnum() and text[-1].isalnum()
