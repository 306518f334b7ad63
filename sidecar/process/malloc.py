# SPDX-License-Identifier: Apache-2.0
"""Gives memory back to the kernel.

glibc keeps what was freed, in the arena of each thread, and learns from every large block
that is freed to keep larger ones (mallopt(3)). A few calls of some megabytes then stay.
"""

import ctypes
from collections.abc import Callable

_MMAP_THRESHOLD = -3
LARGE = 128 * 1024
"""Bytes of a block that goes back at once: glibc's own first value. Once set, it stays."""


def return_large_blocks() -> Callable[[], None]:
    """Fix glibc's threshold, and return what gives back all that is free.

    Another C library has neither, and may need neither.
    """
    library = ctypes.CDLL(None)
    try:
        library.mallopt(_MMAP_THRESHOLD, LARGE)
        trim = library.malloc_trim
    except AttributeError:
        return lambda: None
    return lambda: trim(0)
