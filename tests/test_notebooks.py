"""The rules that notebooks follow; ``.ci/run`` executes them."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
LONGEST_FUNCTION = 10


def code_of(notebook: dict[str, Any]) -> list[ast.Module]:
    return [ast.parse("".join(cell["source"])) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebooks_are_there() -> None:
    names = [path.name for path in NOTEBOOKS]
    subjects = ("01_first_look", "02_train_ecg", "03_anomaly", "04_monitor", "05_imaging", "06_eeg")
    assert names == [f"{subject}.ipynb" for subject in subjects]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_functions_in_notebooks_are_short(path: Path) -> None:
    functions = [
        node
        for cell in code_of(json.loads(path.read_text(encoding="utf-8")))
        for node in ast.walk(cell)
        if isinstance(node, ast.FunctionDef)
    ]
    assert all((one.end_lineno or 0) - one.lineno < LONGEST_FUNCTION for one in functions)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_explain_more_than_every_third_cell(path: Path) -> None:
    kinds = [cell["cell_type"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    assert kinds[0] == "markdown"
    assert 3 * kinds.count("markdown") >= len(kinds)
