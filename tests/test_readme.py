"""What the README tells people to type is what biosig understands."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

import biosig
from biosig.cli import app
from biosig.recipe import load_recipe, parse_recipe

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def typed_commands() -> list[list[str]]:
    """Every ``biosig ...`` of the shell blocks as words, without the program's name."""
    lines = [part for block in blocks("sh") for line in block.splitlines() for part in line.split("&&")]
    words = [shlex.split(line, comments=True) for line in lines]
    return [rest for first, *rest in filter(None, words) if first == "biosig"]


def test_the_two_commands_stand_there() -> None:
    first, second, *_ = blocks("sh")
    assert first == "python -m pip install -e . && biosig train ecg\n"
    assert second == 'python -m pip install -e ".[test]" && pytest\n'


@pytest.mark.parametrize("words", typed_commands(), ids=" ".join)
def test_every_command_parses(words: list[str]) -> None:
    command = typer.main.get_command(app)
    with command.make_context("biosig", list(words)) as context:
        rest = words
        while hasattr(command, "commands"):
            name, command, rest = command.resolve_command(context, rest)
            context = command.make_context(name, list(rest), parent=context)
    if settings := context.params.get("settings"):
        load_recipe(context.params["recipe"], settings)


def test_the_commands_of_a_first_day_are_shown() -> None:
    shown = {words[0] for words in typed_commands()}
    assert shown >= {"list", "inspect", "beats", "bxb", "data", "train", "evaluate", "cross-validate"}


@pytest.mark.parametrize("code", blocks("python"))
def test_python_examples_use_names_that_exist(code: str) -> None:
    names = {
        node.attr
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "biosig"
    }
    assert names
    assert names <= set(biosig.__all__)


@pytest.mark.parametrize("text", blocks("toml"))
def test_recipe_examples_are_recipes(text: str) -> None:
    recipe = parse_recipe(tomllib.loads(text) | {"name": "example"}, where="README")
    assert recipe.chain.steps
    assert recipe.cutter


def test_every_file_that_is_linked_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link and not link.startswith("#")]
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_section_that_is_linked_is_there() -> None:
    headings = re.findall(r"^#+ (.+)$", README, flags=re.MULTILINE)
    there = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= there
