# SPDX-License-Identifier: Apache-2.0
from contextlib import ExitStack
from pathlib import Path

import pytest

from sidecar.cli.hook import parse_arguments
from sidecar.cli.settings import SettingsChoice, SourceName
from sidecar.errors import HostError
from sidecar.hook.serve import HookOptions
from tests.support import missing


def test_defaults_are_kubevirt_s() -> None:
    assert parse_arguments([], {"CONTAINER_NAME": "hook-sidecar-3"}) == (
        HookOptions(
            hook_dir=Path("/var/run/kubevirt-hooks"),
            plugin_dir=None,
            container="hook-sidecar-3",
            versions=("v1alpha3", "v1alpha2", "v1alpha1"),
            log_level="info",
        ),
        SettingsChoice(SourceName.PLANNER, None, pool_networks=False),
    )


def test_every_option_can_be_given() -> None:
    arguments = (
        "--version v1alpha1 --version=v1alpha3 --socket-dir /s --plugin ports --plugin-root /p "
        "--log-level debug --source libvirt --libvirt-uri test:///default --pool-networks"
    )
    assert parse_arguments(arguments.split(), {}) == (
        HookOptions(Path("/s"), Path("/p/ports"), "", ("v1alpha3", "v1alpha1"), "debug"),
        SettingsChoice(SourceName.LIBVIRT, "test:///default", pool_networks=True),
    )


def test_the_environment_gives_what_the_arguments_do_not() -> None:
    environment = {
        "PORTSIDE_SOCKET_DIR": "/s",
        "PORTSIDE_PLUGIN": "ports",
        "PORTSIDE_PLUGIN_ROOT": "/p",
        "PORTSIDE_PLUGIN_ONLY": "true",
        "PORTSIDE_LOG_LEVEL": "debug",
        "PORTSIDE_SOURCE": "libvirt",
        "PORTSIDE_LIBVIRT_URI": "test:///default",
        "PORTSIDE_POOL_NETWORKS": "true",
    }
    options, choice = parse_arguments(["--log-level", "error"], environment)
    assert options == HookOptions(
        None, Path("/p/ports"), "", ("v1alpha3", "v1alpha2", "v1alpha1"), "error"
    )
    assert choice == SettingsChoice(SourceName.LIBVIRT, "test:///default", pool_networks=True)


@pytest.mark.parametrize("name", SourceName)
def test_every_source_can_be_loaded(name: SourceName) -> None:
    with ExitStack() as stack:
        try:
            settings = SettingsChoice(name).load(stack)
        except HostError as error:
            missing(str(error))
    assert settings.source.by_launcher is (name is SourceName.LAUNCHER)


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        (["--version", "v1alpha4"], {}, "argument --version: invalid choice: 'v1alpha4'"),
        (["--source", "oracle"], {}, "argument --source: invalid choice: 'oracle'"),
        (["--plugin-only"], {}, "--plugin-only needs --plugin NAME"),
        (["--plugin", "../etc"], {}, "--plugin takes the name of a Plugin object, not '../etc'"),
        (["--plugin", ".."], {}, "--plugin takes the name of a Plugin object, not '..'"),
        (["--log", "debug"], {}, "unrecognized arguments: --log debug"),
        ([], {"PORTSIDE_LOG_LEVEL": "loud"}, "argument --log-level: invalid choice: 'loud'"),
        ([], {"PORTSIDE_POOL_NETWORKS": "yes"}, "PORTSIDE_POOL_NETWORKS is 'yes'"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    arguments: list[str],
    environment: dict[str, str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(arguments, environment)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
