# SPDX-License-Identifier: Apache-2.0
"""``portside hook``: arguments and environment of the hook.

Uses argparse: what is imported here runs before the socket appears.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sidecar.cli.settings import SettingsChoice, SourceName
from sidecar.errors import PortsideError
from sidecar.hook.names import HOOK_DIR, PLUGIN_ROOT, PLUGIN_SOCKET, VERSIONS
from sidecar.hook.serve import HookOptions, serve
from sidecar.process.bug import describe_bug, trail
from sidecar.process.names import LOG_LEVELS, is_kubernetes_name

_SOURCES = tuple(str(name) for name in SourceName)
_OPTIONS = ("--socket-dir", "--plugin", "--plugin-root", "--log-level", "--source", "--libvirt-uri")
_FLAGS = ("--plugin-only", "--pool-networks")


def main(arguments: Sequence[str]) -> int:
    """Serve; return the exit code."""
    # structlog imports rich where it is installed (50 ms, 8 MB), for consoles only. None in
    # sys.modules tells Python that this process has no such module.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # typeshed lacks the None
    options, choice = parse_arguments(arguments, os.environ)
    try:
        serve(options, choice.load)
    except PortsideError as error:
        _complain(error=str(error))
    except Exception as error:  # noqa: BLE001 - the log is JSON to the end
        _complain(error=describe_bug(error), trail=trail(error))
    else:
        return 0
    return 1


def _complain(**fields: object) -> None:
    """Write a line like the log's, which may not have been loaded."""
    import json  # noqa: PLC0415 - 1 ms before the socket appears

    line = {"event": "cannot serve", "level": "error", **fields}
    sys.stderr.write(f"{json.dumps(line)}\n")


def parse_arguments(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[HookOptions, SettingsChoice]:
    """Read the command line; ``environment`` gives the defaults."""
    parser = _parser()
    given = parser.parse_args([*_from_environment(parser, environment), *arguments])
    if given.plugin_only and not given.plugin:
        parser.error("--plugin-only needs --plugin NAME")
    if given.plugin and not is_kubernetes_name(given.plugin):
        parser.error(f"--plugin takes the name of a Plugin object, not {given.plugin!r}")
    options = HookOptions(
        hook_dir=None if given.plugin_only else given.socket_dir,
        plugin_dir=given.plugin_root / given.plugin if given.plugin else None,
        container=environment.get("CONTAINER_NAME", ""),
        versions=tuple(version for version in VERSIONS if version in (given.version or VERSIONS)),
        log_level=given.log_level,
    )
    choice = SettingsChoice(
        source=SourceName(given.source),
        libvirt_uri=given.libvirt_uri,
        pool_networks=given.pool_networks,
    )
    return options, choice


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portside hook",
        description="Serves KubeVirt's hook API beside a compute container.",
        epilog="PORTSIDE_<OPTION> in the environment stands for an option that is not given, "
        "e.g. PORTSIDE_LOG_LEVEL=debug or PORTSIDE_POOL_NETWORKS=true. CONTAINER_NAME becomes "
        "part of the socket's name.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--version",
        action="append",
        choices=VERSIONS,
        help="offer this version of Callbacks only; may be repeated (default: all)",
    )
    add("--socket-dir", type=Path, default=HOOK_DIR, help="hook socket's directory (%(default)s)")
    add("--plugin", help=f"also serve the plugin API, at <plugin root>/PLUGIN/{PLUGIN_SOCKET}")
    add("--plugin-root", type=Path, default=PLUGIN_ROOT, help="default: %(default)s")
    add("--plugin-only", action="store_true", help="serve the plugin API and no hook socket")
    add("--log-level", choices=LOG_LEVELS, default="info", help="debug adds the domain XML")
    add("--source", choices=_SOURCES, default=_SOURCES[0], help="who creates the root ports")
    add("--libvirt-uri", help="for --source libvirt (default: an embedded libvirt)")
    add("--pool-networks", action="store_true", help="the launcher has libvirt's network driver")
    return parser


def _from_environment(parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> list[str]:
    """Return the environment's options as arguments, so that they are checked like those."""
    arguments = []
    for option in (*_OPTIONS, *_FLAGS):
        variable = f"PORTSIDE_{option[2:].replace('-', '_').upper()}"
        value = environment.get(variable, "")
        if option in _FLAGS:
            if value not in ("", "true", "false"):
                parser.error(f"{variable} is {value!r}; expected true or false")
            arguments += [option] if value == "true" else []
        elif value:
            arguments.append(f"{option}={value}")
    return arguments
