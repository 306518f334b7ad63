# SPDX-License-Identifier: Apache-2.0
"""Manifests in YAML or JSON, as kubectl takes them."""

import json
from collections.abc import Iterator
from typing import Final

import yaml

from sidecar.cli.files import read_input
from sidecar.errors import RequestError
from sidecar.vmi.document import load_bytes
from sidecar.vmi.manifest import VMI, only_vmi

MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest file; as many bytes as the hook takes of a VMI."""


def load_documents(data: bytes, source: str) -> Iterator[object]:
    """Yield the documents of a YAML stream (JSON is YAML too), empty ones left out.

    Args:
        data: the stream, UTF-8.
        source: what it is, for errors.

    Raises:
        RequestError: no YAML, or too large.
    """
    if len(data) > MAX_BYTES:
        raise RequestError(
            "the file is too large",
            where=source,
            found=f"{len(data)} bytes",
            expected=f"at most {MAX_BYTES}",
        )
    try:
        # safe_load_all makes plain values only; no tag can name a Python object.
        for document in yaml.safe_load_all(data):
            if document is not None:
                yield document
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise RequestError(
            "neither YAML nor JSON", where=source, found=_place(error), expected="a manifest"
        ) from error


def encode(vmi: object) -> bytes:
    """Return a VMI as the JSON that KubeVirt would hand to a hook.

    A date, which YAML has and JSON lacks, becomes its text, as kubectl makes of it.
    """
    return json.dumps(vmi, default=str).encode()


def read_vmi(name: str, option: str) -> bytes:
    """Read the VMI that a file is about, as JSON.

    Args:
        name: the file, or ``-``: a VirtualMachine, a VirtualMachineInstance or another kind
            with a template, in YAML or JSON, or a list with one of them. A VMI in JSON is
            handed on byte for byte.
        option: what named it, for errors.

    Raises:
        typer.BadParameter: it cannot be read.
        RequestError: it is none of these.
    """
    data = read_input(name, option)
    source = f"{option} {name}"
    try:
        document = load_bytes(data, source)
    except RequestError:
        if data.lstrip()[:1] in {b"{", b"["}:
            return data  # JSON that the engine refuses in its own words
        documents = list(load_documents(data, source))
        if len(documents) != 1:
            raise RequestError(
                "not exactly one document",
                where=source,
                found=str(len(documents)),
                expected="one object",
            ) from None
        return encode(only_vmi(documents[0], source))
    if isinstance(document, dict) and document.get("kind", VMI) == VMI:
        return data
    return encode(only_vmi(document, source))


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"{problem} in line {mark.line + 1}" if mark is not None else str(problem)
