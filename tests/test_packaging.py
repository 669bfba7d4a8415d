"""What pyproject.toml promises is what the code and the files beside it are."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

import biosig

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
IMPORT_NAMES = {"scikit-learn": "sklearn", "pillow": "PIL", "scikit-image": "skimage"}


def import_names(requirements: list[str]) -> set[str]:
    """The modules that requirements such as ``numpy>=2.0`` bring."""
    names = {re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0] for one in requirements}
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}


CORE = import_names(PROJECT["dependencies"])
EXTRAS = import_names([one for extra in PROJECT["optional-dependencies"].values() for one in extra])


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of all absolute imports in a syntax tree."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"biosig"}


MODULES = sorted((ROOT / "biosig").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_import_is_a_declared_dependency(path: Path) -> None:
    assert imported(ast.parse(path.read_text(encoding="utf-8"))) <= CORE | EXTRAS


def test_version_is_said_once_and_the_same() -> None:
    assert PROJECT["version"] == biosig.__version__


def test_distribution_and_command_have_their_names() -> None:
    assert PROJECT["name"] == "biosig-ml"
    assert PROJECT["scripts"] == {"biosig": "biosig.cli:main"}


@pytest.mark.parametrize(("name", "doi"), [("mitdb", "10.1109/51.932724"), ("eegmat", "10.3390/data4010014")])
def test_sample_is_small_and_credited(name: str, doi: str) -> None:
    sample = ROOT / "biosig" / "datasets" / "samples" / name
    assert sum(path.stat().st_size for path in sample.iterdir()) < 8_000_000
    assert doi in (sample / "CREDITS.md").read_text(encoding="utf-8")
