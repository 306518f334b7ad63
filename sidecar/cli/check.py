# SPDX-License-Identifier: Apache-2.0
"""``portside check``: what admission and the hook would refuse of manifests not yet applied."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from sidecar.cli.files import STDIO, read_input
from sidecar.cli.manifests import encode, load_documents
from sidecar.cli.output import Output, print_json
from sidecar.errors import PortsideError
from sidecar.hook.describe import describe_request
from sidecar.vmi.manifest import Manifest, read_manifests
from sidecar.vmi.request import parse_request

_REFUSED: Final = 1


@dataclass(frozen=True, slots=True)
class _Checked:
    """One object: what it asks of Portside, and what would be refused of it."""

    file: str
    what: str
    kind: str
    namespace: str
    name: str
    asks: dict[str, object]
    problems: tuple[str, ...]


def check(
    *,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Manifests, YAML or JSON; - for stdin.")
    ],
    output: Annotated[Output, typer.Option("--output", "-o", help="Output format.")] = Output.TABLE,
) -> None:
    """Check what manifests request from Portside, before they are applied.

    Reads VirtualMachines, VirtualMachineInstances, their replica sets and pools, and Lists of
    them; other kinds are skipped. Says what the admission policies and the hook's first call
    would refuse judging by the VMI alone. Exit code 0: nothing is refused; 1: something is.
    """
    if files.count(STDIO) > 1:
        raise typer.BadParameter("standard input can be read only once", param_hint="FILE")
    checked: list[_Checked] = []
    broken: list[tuple[str, str]] = []
    others = 0
    for name in files:
        data = read_input(name, "FILE")
        try:
            for document in load_documents(data, name):
                for found in read_manifests(document, name):
                    if isinstance(found, Manifest):
                        checked.append(_check(found, name))
                    else:
                        others += 1
        except PortsideError as error:
            broken.append((name, str(error)))
    if output is Output.JSON:
        print_json(_describe(checked, broken, others))
    else:
        for line in _lines(checked, broken, others):
            sys.stdout.write(f"{line}\n")
    if broken or any(one.problems for one in checked):
        raise typer.Exit(_REFUSED)


def _check(manifest: Manifest, file: str) -> _Checked:

    problems = [
        f"metadata.annotations: {key} has no effect on the {manifest.kind} itself; expected in "
        "the annotations of its template"
        for key in manifest.misplaced
    ]
    asks: dict[str, object] = {}
    try:
        asks = describe_request(parse_request(encode(manifest.vmi)))
    except PortsideError as error:
        problems.append(str(error))
    return _Checked(
        file=file,
        what=str(manifest),
        kind=manifest.kind,
        namespace=manifest.namespace,
        name=manifest.name,
        asks=asks,
        problems=tuple(problems),
    )


def _lines(
    checked: Sequence[_Checked], broken: Sequence[tuple[str, str]], others: int
) -> Iterator[str]:
    for one in checked:
        if not one.problems:
            asks = ", ".join(one.asks) if one.asks else "requests nothing from Portside"
            yield f"ok       {one.file}: {one.what}: {asks}"
        for problem in one.problems:
            yield f"refused  {one.file}: {one.what}: {problem}"
    for _, problem in broken:
        yield f"refused  {problem}"
    refused = sum(bool(one.problems) for one in checked)
    yield (
        f"{_count(len(checked), 'VM')} checked, {refused} refused; "
        f"{_count(others, 'object')} of other kinds skipped"
        + (f"; {_count(len(broken), 'file')} not fully read" if broken else "")
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _describe(
    checked: Sequence[_Checked], broken: Sequence[tuple[str, str]], others: int
) -> dict[str, Any]:
    items = [
        {
            "file": one.file,
            "kind": one.kind,
            "namespace": one.namespace,
            "name": one.name,
            "asks": one.asks,
            "problems": list(one.problems),
        }
        for one in checked
    ]
    return {
        "items": items,
        "passedOver": others,
        "unreadable": [{"file": file, "problem": problem} for file, problem in broken],
    }
