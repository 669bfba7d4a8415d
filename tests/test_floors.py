"""Imports point down the list of design floors only; folders on one floor do not import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import biosig

FLOORS = {
    "compiled": 0,
    "errors": 0,
    "options": 0,
    "records": 1,
    "signal": 2,
    "windows": 3,
    "recipe": 4,
    "imaging": 4,
    "datasets": 5,
    "models": 5,
    "training": 6,
    "evaluation": 6,
    "scoring": 7,
    "bundle": 8,
    "monitoring": 9,
    "runs": 10,
    "console_tables": 10,
    "cli": 11,
    "__init__": 12,
    "__main__": 12,
}
"""Floor of each module and folder directly under the package."""


def violations(package: Path) -> list[str]:
    """One line for every import of ``package`` that does not point down, and every place without a floor."""
    found = []
    for file in sorted(package.rglob("*.py")):
        here = file.relative_to(package)
        place = here.parts[0].removesuffix(".py")
        shown = f"{package.name}/{here.as_posix()}"
        if place not in FLOORS:
            found.append(f"{shown}: {place!r} has no floor; give it one in FLOORS")
            continue
        for module in imported(ast.parse(file.read_text(encoding="utf-8")), here, package):
            target = module.split(".")[1] if "." in module else "__init__"
            if target not in FLOORS:
                found.append(f"{shown} imports {module}: {target!r} has no floor; give it one in FLOORS")
            elif target != place and FLOORS[target] >= FLOORS[place]:
                found.append(f"{shown} (floor {FLOORS[place]}) imports {module} (floor {FLOORS[target]})")
    return found


def imported(tree: ast.AST, here: Path, package: Path) -> Iterator[str]:
    """Modules of the package that a file imports anywhere: at the top, in functions, for type checking only.

    ``from biosig import records`` names the folder where there is one, else the package itself.
    """
    name = package.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == name)
        elif isinstance(node, ast.ImportFrom):
            above = [name, *here.parent.parts][: len(here.parts) + 1 - node.level] if node.level else []
            module = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            if module == name:
                yield from (f"{name}.{a.name}" if exists(package / a.name) else name for a in node.names)
            elif module.split(".")[0] == name:
                yield module


def exists(module: Path) -> bool:
    """Whether a path without suffix is a module or a folder of modules."""
    return module.is_dir() or module.with_suffix(".py").is_file()


def test_imports_point_down() -> None:
    assert violations(Path(biosig.__file__).parent) == []


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("records/a.py", "from pkg.signal import x", "pkg/records/a.py (floor 1) imports pkg.signal (floor 2)"),
        ("records/a.py", "import pkg.signal.stream", "pkg/records/a.py (floor 1) imports pkg.signal.stream (floor 2)"),
        ("records/a.py", "from pkg import signal", "pkg/records/a.py (floor 1) imports pkg.signal (floor 2)"),
        ("records/a.py", "from .. import signal", "pkg/records/a.py (floor 1) imports pkg.signal (floor 2)"),
        ("records/a.py", "from ..signal import x", "pkg/records/a.py (floor 1) imports pkg.signal (floor 2)"),
        ("records/in/a.py", "from ...signal import x", "pkg/records/in/a.py (floor 1) imports pkg.signal (floor 2)"),
        ("errors.py", "from .records import x", "pkg/errors.py (floor 0) imports pkg.records (floor 1)"),
        ("models/a.py", "import pkg.datasets", "pkg/models/a.py (floor 5) imports pkg.datasets (floor 5)"),
        ("cli.py", "from pkg import read", "pkg/cli.py (floor 11) imports pkg (floor 12)"),
        ("cli.py", "import pkg", "pkg/cli.py (floor 11) imports pkg (floor 12)"),
        ("__init__.py", "import pkg.__main__", "pkg/__init__.py (floor 12) imports pkg.__main__ (floor 12)"),
        ("records/a.py", "def f():\n    import pkg.cli", "pkg/records/a.py (floor 1) imports pkg.cli (floor 11)"),
        (
            "records/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pkg.cli",
            "pkg/records/a.py (floor 1) imports pkg.cli (floor 11)",
        ),
        ("utils/a.py", "import os", "pkg/utils/a.py: 'utils' has no floor; give it one in FLOORS"),
        ("cli.py", "import pkg.utils", "pkg/cli.py imports pkg.utils: 'utils' has no floor; give it one in FLOORS"),
    ],
)
def test_an_import_that_does_not_point_down_is_named(tmp_path: Path, file: str, line: str, expected: str) -> None:
    assert violations(planted(tmp_path, file, line)) == [expected]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("signal/a.py", "from pkg.records.recording import Layout\nfrom pkg.errors import BiosigError"),
        ("signal/a.py", "from pkg.signal.b import x\nfrom .b import x\nfrom . import b"),
        ("signal/a.py", "import numpy\nfrom pkgs.cli import x\nimport os.path"),
        ("cli.py", "from pkg import records\nfrom . import runs"),
        ("__init__.py", "from . import cli\nimport pkg.records"),
        ("__main__.py", "from pkg.cli import main"),
    ],
)
def test_imports_downwards_and_within_a_folder_are_allowed(tmp_path: Path, file: str, line: str) -> None:
    assert violations(planted(tmp_path, file, line)) == []


def planted(folder: Path, file: str, line: str) -> Path:
    """A package with every floor and this one file."""
    package = folder / "pkg"
    for name in FLOORS:
        if name in {"errors", "options", "recipe", "bundle", "runs", "cli", "__init__", "__main__"}:
            package.mkdir(exist_ok=True)
            (package / f"{name}.py").write_text("")
        else:
            (package / name).mkdir(parents=True, exist_ok=True)
    (package / file).parent.mkdir(parents=True, exist_ok=True)
    (package / file).write_text(line)
    return package
