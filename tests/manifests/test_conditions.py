# SPDX-License-Identifier: Apache-2.0
"""The conditions of Plugin objects, each in the dialect of the program that evaluates it.

KubeVirt 1.9 has two: virt-launcher's CEL sees Go's names of a VMI's fields
(``vmi.Annotations``), virt-handler's their JSON names (``vmi.metadata.annotations``).
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.vmi.annotations import KNOWN
from tests.golang import go_program
from tests.manifests import tree
from tests.manifests.expressions import evaluate
from tests.manifests.tree import Document
from tests.manifests.vms import vmi

PLUGINS = {
    document["metadata"]["name"]: document
    for _, document in tree.objects()
    if document["kind"] == "Plugin"
}
HOOKS = {"domainHooks": "launcher", "nodeHooks": "handler"}
"""The list of a Plugin's hooks -> the dialect of their conditions."""

FIELD = re.compile(r"\bvmi\.(\w+)")
ASKED_BY = {"portside": set(KNOWN), "portside-node": {"portside.io/vfs"}}
"""The plugin -> the annotations for whose sake it is called."""

NOTHING: list[dict[str, str] | None] = [None, {}, {"x": "y"}, {"notportside.io/vfs": ""}]


def conditions() -> Iterator[tuple[str, str, str]]:
    """Yield the plugin, the dialect and the text of each condition."""
    for name, plugin in PLUGINS.items():
        for key, dialect in HOOKS.items():
            for hook in plugin["spec"].get(key, []):
                yield name, dialect, hook["condition"]


CONDITIONS = list(conditions())


def samples(plugin: str) -> list[tuple[Document, bool]]:
    """Return VMIs, and whether each is one that the plugin is for."""
    asking = [vmi({key: "", "x": "y"}) for key in sorted(ASKED_BY[plugin])]
    others = [vmi(annotations) for annotations in NOTHING]
    others += [vmi({key: "[]"}) for key in sorted(set(KNOWN) - ASKED_BY[plugin])]
    null = vmi({})
    null["metadata"]["annotations"] = None
    # Not even metadata: what Go makes of it has no annotations either.
    others += [null, {"spec": {}}]
    return [(one, True) for one in asking] + [(one, False) for one in others]


def test_there_are_two_plugins_and_each_of_their_hooks_has_a_condition() -> None:
    assert set(PLUGINS) == set(ASKED_BY)
    assert [(name, dialect) for name, dialect, _ in CONDITIONS] == [
        ("portside-node", "handler"),
        ("portside", "launcher"),
    ]


@pytest.mark.parametrize("name", sorted(PLUGINS))
def test_no_plugin_has_a_condition_of_its_own(name: str) -> None:
    # Both programs evaluate it; one that virt-handler cannot compile stops every VM.
    assert "condition" not in PLUGINS[name]["spec"]


@pytest.mark.parametrize(("name", "dialect", "text"), CONDITIONS)
def test_a_condition_names_fields_as_its_reader_does(name: str, dialect: str, text: str) -> None:
    fields = set(FIELD.findall(text))
    assert fields, name
    assert all(field[0].isupper() == (dialect == "launcher") for field in fields), fields


@pytest.mark.parametrize(("name", "dialect", "text"), CONDITIONS)
def test_a_condition_holds_for_who_asks_and_nobody_else(name: str, dialect: str, text: str) -> None:
    for sample, asks in samples(name):
        annotations = sample.get("metadata", {}).get("annotations")
        # As Go sees it: a map that is absent or null is one without entries.
        shown = {"Annotations": annotations or {}, "metadata": {"annotations": annotations or {}}}
        seen = {key: value for key, value in shown.items() if key[0].isupper()}
        if dialect == "handler":
            seen = {"metadata": shown["metadata"]}
        assert evaluate(text, {"vmi": seen}) is asks


def ask(questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compile and evaluate over KubeVirt's own types, as its two programs do."""
    module = Path(__file__).parent / "conditions"
    program = go_program(module, ".", "evaluating conditions over KubeVirt's types")
    done = subprocess.run(  # noqa: S603 - built from our own source
        [program], input=json.dumps(questions), capture_output=True, text=True, check=True
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


@pytest.mark.timeout(1800)
def test_kubevirts_own_types_take_every_condition() -> None:
    questions = [
        {"dialect": dialect, "condition": text, "vmis": [one for one, _ in samples(name)]}
        for name, dialect, text in CONDITIONS
    ]
    for (name, _, text), answer in zip(CONDITIONS, ask(questions), strict=True):
        assert "error" not in answer, text
        assert answer["results"] == [{"value": asks} for _, asks in samples(name)]


@pytest.mark.timeout(1800)
def test_each_dialect_refuses_the_other() -> None:
    texts = {"launcher": "has(vmi.Annotations)", "handler": "has(vmi.metadata.annotations)"}
    questions = [
        {"dialect": dialect, "condition": text, "vmis": [{}]}
        for dialect in texts
        for text in texts.values()
    ]
    errors = [answer.get("error", "") for answer in ask(questions)]
    assert [bool(error) for error in errors] == [False, True, True, False]
    assert "undefined field 'metadata'" in errors[1]
    assert "undefined field 'Annotations'" in errors[2]
