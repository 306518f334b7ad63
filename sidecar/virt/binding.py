# SPDX-License-Identifier: Apache-2.0
"""libvirt's Python binding, prepared once per process."""

import os
import threading
from functools import cache
from types import ModuleType

from sidecar.errors import HostError


@cache
def load_binding() -> ModuleType:
    """Import libvirt-python, silence its stderr and run its event loop in a daemon thread.

    libvirt prints every error to stderr unless it is given a handler, and what it logs as
    well; the embedded driver answers nothing unless somebody runs an event loop, which has
    to be registered before the first connection.

    Raises:
        HostError: libvirt-python is not installed, or libvirt.so is not.
    """
    # Read when libvirt is loaded. Who looks for a fault sets it to e.g. 1:stderr.
    os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null")
    try:
        import libvirt  # noqa: PLC0415 - the package must import, and say so, without libvirt
    except ImportError as error:
        raise HostError(
            "libvirt's Python binding cannot be loaded",
            found=str(error),
            todo="Install the extra portside[libvirt], or use the planner, which needs no libvirt",
        ) from error
    libvirt.registerErrorHandler(_say_nothing, None)
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(
        target=_run_events, args=(libvirt,), name="libvirt-events", daemon=True
    ).start()
    module: ModuleType = libvirt
    return module


def _say_nothing(_context: object, _error: object) -> None:
    """Every libvirt error also arrives as an exception; printing it would say it twice."""


def _run_events(libvirt: ModuleType) -> None:
    while True:
        libvirt.virEventRunDefaultImpl()
