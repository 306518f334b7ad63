# SPDX-License-Identifier: Apache-2.0
"""The choice of ``-o``."""

from enum import StrEnum


class Output(StrEnum):
    """What to print."""

    TABLE = "table"
    JSON = "json"
