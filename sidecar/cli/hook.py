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
from sidecar.process.bug import describe_bug, format_traceback
from sidecar.process.names import LOG_LEVELS, is_kubernetes_name

_SOURCES = tuple(str(name) for name in SourceName)
_OPTIONS = ("--socket-dir", "--plugin", "--plugin-root", "--log-level", "--source", "--libvirt-uri")
_REPEATED = ("--version",)
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
        _complain(error=describe_bug(error), traceback=format_traceback(error))
    else:
        return 0
    return 1


def _complain(**fields: object) -> None:
    """Write a line like the log's, which may not have been loaded; nobody may read it."""
    import json  # noqa: PLC0415 - 1 ms before the socket appears

    from sidecar.process.log_writer import LogWriter  # noqa: PLC0415 - as above

    writer = LogWriter()
    writer.write(json.dumps({"event": "cannot serve", "level": "error", **fields}))
    writer.close()


def parse_arguments(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[HookOptions, SettingsChoice]:
    """Read the command line; ``environment`` gives the defaults."""
    parser = _parser()
    # Versions add up, so those of the environment count only where no argument names any.
    repeated = () if parser.parse_args(arguments).version else _REPEATED
    defaults = _from_environment(parser, environment, repeated)
    given = parser.parse_args([*defaults, *arguments])
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
        description="Serve KubeVirt's hook API beside a compute container.",
        epilog="An option that is not given is read from the environment variable "
        "PORTSIDE_<OPTION>, e.g. PORTSIDE_LOG_LEVEL=debug, PORTSIDE_POOL_NETWORKS=true or "
        "PORTSIDE_VERSION=v1alpha2,v1alpha3. CONTAINER_NAME becomes part of the socket's file "
        "name.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--version",
        action="append",
        choices=VERSIONS,
        help="offer only this version of the Callbacks service; may be repeated (default: all)",
    )
    add(
        "--socket-dir",
        type=Path,
        default=HOOK_DIR,
        help="directory of the hook socket (default: %(default)s)",
    )
    add("--plugin", help=f"also serve the plugin API, on <plugin root>/PLUGIN/{PLUGIN_SOCKET}")
    add(
        "--plugin-root",
        type=Path,
        default=PLUGIN_ROOT,
        help="parent of the plugins' directories (default: %(default)s)",
    )
    add(
        "--plugin-only",
        action="store_true",
        help="serve only the plugin API, without the hook socket",
    )
    add(
        "--log-level",
        choices=LOG_LEVELS,
        default="info",
        help="level of the log; debug adds the domain XML (default: %(default)s)",
    )
    add(
        "--source",
        choices=_SOURCES,
        default=_SOURCES[0],
        help="what creates the root ports (default: %(default)s)",
    )
    add("--libvirt-uri", help="libvirt for --source libvirt (default: an embedded libvirt)")
    add(
        "--pool-networks",
        action="store_true",
        help="the launcher's libvirt sees the PFs, so a VF may be an <interface>",
    )
    return parser


def _from_environment(
    parser: argparse.ArgumentParser, environment: Mapping[str, str], repeated: Sequence[str]
) -> list[str]:
    """Return the environment's options as arguments, so that they are checked like those.

    A variable of an option that may be repeated holds values with commas or blanks between.
    """
    arguments = []
    for option in (*_OPTIONS, *repeated, *_FLAGS):
        variable = f"PORTSIDE_{option[2:].replace('-', '_').upper()}"
        value = environment.get(variable, "")
        if option in _FLAGS:
            if value not in ("", "true", "false"):
                parser.error(f"{variable} is {value!r}; expected true or false")
            arguments += [option] if value == "true" else []
        elif option in _REPEATED:
            arguments += [f"{option}={part}" for part in value.replace(",", " ").split()]
        elif value:
            arguments.append(f"{option}={value}")
    return arguments
