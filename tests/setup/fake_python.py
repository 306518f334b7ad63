# SPDX-License-Identifier: Apache-2.0
"""An interpreter that knows of virtual environments and pip what set-up relies on, offline.

Installed as ``python3`` beside ``machine.json`` (what its packages bring); ``version`` there is
the release it claims to be. As in a real venv, ``bin/python`` is a link to it, packages lie
under ``lib/pythonX.Y``, and a script in ``bin`` runs only where its package lies there.
"""

import json
import platform
import re
import shutil
import sys
import tomllib
import types
from pathlib import Path
from typing import Any

SELF = Path(sys.argv[0])
MACHINE = SELF.resolve().parent
VERSION = (MACHINE / "version").read_text().strip()
VENV = SELF.parent.parent if SELF.parent.name == "bin" and SELF.is_symlink() else None
KNOWN: dict[str, Any] = json.loads((MACHINE / "machine.json").read_text())
"""``tools``: per script the package that brings it; ``modules``: per module the same."""


def site(venv: Path) -> Path:
    return venv / "lib" / f"python{VERSION.rpartition('.')[0]}"


def require(package: str, reason: str) -> None:
    if VENV is None or not (site(VENV) / package).exists():
        sys.exit(f"{SELF}: {reason}: {package} is not installed for Python {VERSION}")


def run_code(code: str) -> None:
    sys.version_info = tuple(map(int, VERSION.split(".")))  # type: ignore[assignment]  # a plain tuple compares alike
    platform.python_version = lambda: VERSION
    if VENV and (site(VENV) / "pip").exists():
        sys.modules["pip"] = types.ModuleType("pip")
    exec(code, {})  # noqa: S102 - what python -c does


def make_venv(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to(SELF.resolve())
    (place / "bin" / "activate").write_text(f"VIRTUAL_ENV={place.resolve()}\n")
    site(place).mkdir(parents=True)
    (site(place) / "pip").write_text("bundled\n")


def install(arguments: list[str]) -> None:
    require("pip", "No module named pip")
    if (MACHINE / "offline").exists():
        sys.exit("pip: no network")
    assert VENV
    pins = dict(re.findall(r"^([\w.-]+)==(.+)$", Path("constraints.txt").read_text(), re.MULTILINE))
    pinned = {normal(name): version for name, version in pins.items()}
    if "-e" not in arguments:
        packages = [one for one in arguments if one in pinned]
    else:
        project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
        extras = re.findall(r"[\w-]+", arguments[-1].partition("[")[2])
        wanted = list(project["dependencies"])
        for extra in extras:
            wanted += project["optional-dependencies"][extra]
        packages = ["portside", *(normal(re.match(r"[\w.-]+", one)[0]) for one in wanted)]  # type: ignore[index]  # a requirement begins with a name
    for package in packages:
        (site(VENV) / package).write_text(f"{pinned.get(package, 'editable')}\n")
    for tool, package in KNOWN["tools"].items():
        if package in packages:
            script = VENV / "bin" / tool
            script.write_text(f"#!{VENV.resolve()}/bin/python\n")
            script.chmod(0o755)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def run_module(name: str, arguments: list[str]) -> None:
    if name == "venv":
        make_venv(Path(arguments[-1]))
    elif name == "pip":
        install(arguments[1:])
    elif package := KNOWN["modules"].get(name.partition(".")[0]):
        require(package, f"No module named {name}")


def main() -> None:
    match sys.argv[1:]:
        case ["-c", code]:
            run_code(code)
        case ["-m", name, *arguments]:
            run_module(name, arguments)
        case [script, *_] if Path(script).resolve().parent == SELF.parent.resolve():
            require(KNOWN["tools"][Path(script).name], f"cannot run {script}")
        case _:
            require("portside", f"cannot run {sys.argv[1:]}")


if __name__ == "__main__":
    main()
