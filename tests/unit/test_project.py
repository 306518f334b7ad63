# SPDX-License-Identifier: Apache-2.0
"""What the project promises about its own files."""

import io
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# The one place where pip keeps the address of its default index.
from pip._internal.models.index import PyPI

from tests.support import missing

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "sidecar/pb"
SPDX = "# SPDX-License-Identifier: Apache-2.0"
SUPPRESSION = re.compile(
    r"(?P<what>\bnoqa\b(:\s*(?P<codes>[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*))?"
    r"|\btype:\s*ignore(?P<kinds>\[[a-z, -]+\])?"
    r"|\bpragma:\s*no cover)"
)
SHELL_SUPPRESSION = re.compile(r"# shellcheck disable=(SC\d+)")


def tracked_files() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached"],  # noqa: S607 - whichever git the user has
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        missing("git does not list this tree's files: it is no clone")
    names = listed.stdout.decode().rstrip("\0").split("\0")
    # Deleted in the work tree, but not yet in the index, is a state in the midst of work.
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def first_line(path: Path) -> str:
    with path.open("rb") as file:
        return file.readline().decode(errors="replace")


def scripts(interpreter: str) -> list[Path]:
    pattern = re.compile(rf"#!.*\b{interpreter}")
    return [path for path in tracked_files() if pattern.match(first_line(path))]


def python_files() -> list[Path]:
    modules = [path for path in tracked_files() if path.suffix == ".py"]
    return [path for path in {*modules, *scripts("python3")} if not path.is_relative_to(GENERATED)]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def files_that_name(text: str) -> list[str]:
    return [relative(path) for path in tracked_files() if text.encode() in path.read_bytes()]


def registry_hosts() -> set[str]:
    """Return the hosts that this machine's pip and apt fetch from, and pip's own default."""
    addresses = {PyPI.url, f"https://{PyPI.file_storage_domain}"}
    commands = (
        ["pip", "config", "list"],
        ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI)"],
    )
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - constants
        except FileNotFoundError:
            continue
        addresses.update(re.findall(r"https?://[^\s'\"]+", done.stdout))
    hosts = {urlsplit(address).hostname or "" for address in addresses}
    # A mirror called localhost, or by a number, says nothing about a file that has that word.
    return {host for host in hosts if re.search(r"\.[a-z]{2,}$", host)}


def test_no_file_names_the_host_of_a_package_registry() -> None:
    hosts = registry_hosts()
    assert hosts
    assert {host: files for host in sorted(hosts) if (files := files_that_name(host))} == {}


def test_no_file_names_a_place_on_this_machine() -> None:
    # In CI the clone may lie right under /tmp or the like, a word that files may well use.
    places = {str(ROOT), f"{Path.home()}/.", *(str(p) for p in [ROOT.parent] if len(p.parts) > 2)}
    assert {place: files for place in sorted(places) if (files := files_that_name(place))} == {}


def test_sources_begin_with_their_license() -> None:
    sources = {*python_files(), *scripts("sh"), ROOT / "Makefile", ROOT / "Dockerfile"}
    heads = {relative(path): path.read_text().splitlines()[:2] for path in sources}
    assert [name for name, head in sorted(heads.items()) if SPDX not in head] == []


def comments(path: Path) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def unreasoned(comment: str) -> bool:
    """Tell a suppression that names no rule, or gives no reason after its last directive."""
    found = list(SUPPRESSION.finditer(comment))
    if not found:
        return False
    if any(
        not (match["codes"] or match["kinds"] or match["what"].startswith("pragma"))
        for match in found
    ):
        return True
    reason = comment[found[-1].end() :]
    return re.search(r"[A-Za-z]{4,}|[A-Za-z]+ [A-Za-z]+", reason) is None


@pytest.mark.parametrize(
    ("comment", "bad"),
    [
        ("# says what it does", False),
        ("# noqa: S603 - our own command", False),
        ("# type: ignore[arg-type]  # stubs lack None", False),
        ("# noqa: S603", True),
        ("# noqa - for no rule in particular", True),
        ("# type: ignore  # whatever it may be", True),
        ("# type: ignore[arg-type]  # noqa: S603", True),
    ],
)
def test_a_suppression_without_a_reason_is_told(comment: str, bad: bool) -> None:
    assert unreasoned(comment) is bad


def test_every_suppression_has_a_reason() -> None:
    bad = [
        f"{relative(path)}:{line}: {comment}"
        for path in python_files()
        for line, comment in comments(path)
        if unreasoned(comment)
    ]
    for path in scripts("sh"):
        before = ""
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            match = SHELL_SUPPRESSION.search(line)
            if match and not (line[match.end() :].strip() or before.strip().startswith("#")):
                bad.append(f"{relative(path)}:{number}: {line.strip()}")
            before = line
    assert bad == []


def test_every_rule_that_ruff_ignores_has_a_reason() -> None:
    section = re.search(
        r"^\[tool\.ruff\.lint\]$.*?(?=^\[tool\.(?!ruff))",
        pyproject_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert section
    rules = re.findall(r'^ +"[A-Z]+[0-9]*",.*$', section[0], re.MULTILINE)
    assert rules
    assert [rule for rule in rules if "#" not in rule] == []


def pyproject_text() -> str:
    return (ROOT / "pyproject.toml").read_text()


def wanted() -> list[Requirement]:
    """Return what pyproject.toml asks for, extras and build included."""
    project: dict[str, Any] = tomllib.loads(pyproject_text())
    names = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        names += extra
    return [Requirement(name) for name in names]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    found = {}
    for requirement in requirements:
        (specifier,) = requirement.specifier
        assert (specifier.operator, requirement.url) == ("==", None), requirement
        found[canonicalize_name(requirement.name)] = Version(specifier.version)
    return {str(name): version for name, version in found.items()}


def test_every_dependency_is_pinned_within_its_bounds() -> None:
    found = pins()
    asked = {canonicalize_name(one.name): one.specifier for one in wanted()}
    assert sorted(name for name in asked if name not in found) == []
    assert sorted(name for name in asked if found[name] not in asked[name]) == []


def test_what_the_dependencies_need_is_pinned_too() -> None:
    found = pins()
    seen: set[str] = set()
    todo = [canonicalize_name(one.name) for one in wanted()]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = [Requirement(need) for need in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:
            missing(f"{name} is not installed; scripts/bootstrap test installs it")
        todo += [
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
    assert sorted(seen - found.keys()) == []


def test_unit_tests_lie_where_what_they_test_lies() -> None:
    tests = ROOT / "tests/unit"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}
    assert [str(folder) for folder in folders if not (ROOT / "sidecar" / folder).is_dir()] == []


def test_ci_calls_what_everybody_calls() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert lines[-1] == "exec make test"


def test_the_readme_knows_every_target() -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    readme = (ROOT / "README.md").read_text()
    assert [name for name in targets.split() if f"`make {name}`" not in readme] == ["help"]
