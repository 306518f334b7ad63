# SPDX-License-Identifier: Apache-2.0
"""Numbers as text, of the ASCII digits alone.

``str.isdecimal`` and ``int`` take the digits of every script, and ``int`` takes ``1_0`` and
blanks as well: nobody else who reads the same text would find the same number.
"""


def is_number(text: str) -> bool:
    """Whether ``text`` is one or more of the digits 0 to 9, and nothing else."""
    return text.isascii() and text.isdecimal()
