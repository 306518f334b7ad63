# SPDX-License-Identifier: Apache-2.0
"""From what the command line chose to the engine's settings."""

from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sidecar.errors import HostError

if TYPE_CHECKING:
    from sidecar.engine.callback import Settings


class SourceName(StrEnum):
    """Who creates the controllers of a reservation."""

    PLANNER = "planner"
    LIBVIRT = "libvirt"


@dataclass(frozen=True, slots=True)
class SettingsChoice:
    """What the command line chose.

    Args:
        source: who creates the controllers.
        libvirt_uri: for the libvirt source; ``None`` takes an embedded libvirt.
        pool_networks: see ``sidecar.engine.callback.Settings``.
    """

    source: SourceName = SourceName.PLANNER
    libvirt_uri: str | None = None
    pool_networks: bool = False

    def load(self, stack: ExitStack) -> "Settings":
        """Make the settings; a connection to libvirt closes with ``stack``.

        Raises:
            HostError: libvirt is not installed or does not open.
        """
        from sidecar.engine.callback import Settings  # noqa: PLC0415 - the hook loads lxml late

        if self.source is SourceName.PLANNER:
            return Settings(pool_networks=self.pool_networks)
        try:
            from sidecar.virt.source import libvirt_source  # noqa: PLC0415 - optional
        except ModuleNotFoundError as error:
            raise HostError(
                "the libvirt source is not installed here",
                where="--source libvirt",
                found=f"no module named {error.name}",
                todo="Install portside[libvirt], or use --source planner.",
            ) from error
        source = stack.enter_context(libvirt_source(self.libvirt_uri))
        return Settings(source=source, pool_networks=self.pool_networks)
