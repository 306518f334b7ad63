# SPDX-License-Identifier: Apache-2.0
"""From what the command line chose to the engine's settings."""

from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sidecar.hook.define_domain import Settings


class SourceName(StrEnum):
    """Who creates the controllers of a reservation."""

    PLANNER = "planner"
    """Libvirt's rules in Python."""
    LAUNCHER = "launcher"
    """virt-launcher's libvirt, between two calls, where a later call is certain."""
    LIBVIRT = "libvirt"
    """A libvirt that this process opens."""


@dataclass(frozen=True, slots=True)
class SettingsChoice:
    """What the command line chose.

    Args:
        source: who creates the controllers.
        libvirt_uri: for the libvirt source; ``None`` takes an embedded libvirt.
        pool_networks: see ``sidecar.hook.define_domain.Settings``.
    """

    source: SourceName = SourceName.PLANNER
    libvirt_uri: str | None = None
    pool_networks: bool = False

    def load(self, stack: ExitStack) -> "Settings":
        """Make the settings; a connection to libvirt closes with ``stack``.

        Raises:
            HostError: libvirt is not installed or does not open.
        """
        from sidecar.domainxml.reservation.planner import Planner  # noqa: PLC0415 - the hook loads lxml late
        from sidecar.hook.define_domain import Settings  # noqa: PLC0415 - as above

        if self.source is not SourceName.LIBVIRT:
            planner = Planner(by_launcher=self.source is SourceName.LAUNCHER)
            return Settings(source=planner, pool_networks=self.pool_networks)
        from sidecar.virt.source import libvirt_source  # noqa: PLC0415 - loads libvirt

        source = stack.enter_context(libvirt_source(self.libvirt_uri))
        return Settings(source=source, pool_networks=self.pool_networks)
