"""What the README says is so: its commands exist, its badges, links, tables and names are true."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from dti_core.book.pages import PAGES
from dti_core.cli import app
from dti_core.cli.group import own_modules
from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.register import load_register

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROSE = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: What stands in a command for a name of the reader's.
BLANKS = {
    "<slug>": "lstm_portfolio",
    "SLUG": "lstm_portfolio",
    "FILE": "own.csv",
    "NAME": "french",
    "FOLDER": ".",
    "RUN": "r1",
}


def commands(program: str) -> list[str]:
    """Each command line of a program in the prose or its blocks, once."""
    spans = re.findall(r"`([^`\n]+)`", PROSE)
    spans += [line.partition("#")[0] for block in re.findall(r"```console\n(.*?)```", PROSE, re.DOTALL)
              for line in block.splitlines()]  # fmt: skip
    lines = [part.strip() for span in spans for part in span.split("&&")]
    found = [re.sub(r"^\.venv/bin/| \\?[|>] .*$", "", line).strip() for line in lines]
    return sorted({line for line in found if re.match(rf"{program}( |$)", line)} - {program})


def parse(line: str) -> None:
    """Let the command read its words, and do nothing."""
    words = [BLANKS.get(word, word) for word in shlex.split(line)[1:]]
    words = [word for word in words if word != "..."]
    command: Any = typer.main.get_command(app)
    context = command.make_context("dti", list(words), resilient_parsing=True)
    while hasattr(command, "resolve_command"):
        left = (
            [*context._protected_args, *context.args] if hasattr(context, "_protected_args") else context.args
        )
        if not left:
            return
        name, command, rest = command.resolve_command(context, left)
        assert command is not None, f"there is no such command in {line}"
        context = command.make_context(name, list(rest), parent=context)


@pytest.mark.parametrize("line", commands("dti"))
def test_the_command_takes_what_is_written(line):
    parse(line)


def test_there_are_commands_and_a_wrong_one_is_seen():
    assert len(commands("dti")) > 25
    for wrong in ("dti runn all", "dti run all --dryrun", "dti compare RUN", "dti claims --verdict"):
        with pytest.raises((typer.TyperException, AssertionError)):
            parse(wrong)


@pytest.mark.parametrize("line", commands("make"))
def test_make_has_the_target(line):
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line.split()[1] in targets


def test_papermill_is_given_parameters_of_the_study():
    [line] = commands("papermill")
    _, notebook, _, flag, name, _ = line.split()
    assert (ROOT / notebook).is_file()
    assert flag == "-p"
    assert name in load_experiment(Path(notebook).stem).parameters


def test_badges_are_true():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = re.match(r">=(\d+\.\d+)", project["requires-python"])
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["license"] == citation["license"]
    assert project["license"] in (ROOT / "LICENSE").read_text(encoding="utf-8")
    told = {"python": lowest[1], "licence": project["license"], "tests": "make test"}
    badges = re.findall(r"!\[([^\]]+)\]\(book/_static/badges/(\w+)\.svg\)", README)
    assert [name for _, name in badges] == list(told)
    for text, name in badges:
        drawn = (ROOT / f"book/_static/badges/{name}.svg").read_text(encoding="utf-8")
        assert re.findall(r">([^<>\n]+)</(?:text|title)>", drawn) == [
            f"{name}: {told[name]}",
            name,
            told[name],
        ]
        assert text.lower().replace(":", "") == f"{name} {told[name]}".lower()


def test_pictures_have_a_text_and_links_lead_somewhere():
    links = re.findall(r"(!?)\[([^\]]*)\]\(([^)]+)\)", README)
    assert len(links) >= 4
    for picture, text, place in links:
        assert not place.startswith(("http:", "https:")), "no picture or badge from elsewhere"
        assert (ROOT / place).is_file() or place.removeprefix("book/") in PAGES, place
        assert len(text) > 5 or not picture


def test_files_and_folders_that_are_named_exist():
    named = re.findall(r"`((?:book|notebooks|experiments|dti_core|tests)/[\w./]*)`", README)
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_own_data_that_are_taken_and_planned_are_told_apart():
    rows = re.findall(
        r"^\| [^|]+ \| `(\w+)` \| (.*) \|$", README.partition("## Your own data")[2], re.MULTILINE
    )
    taken = {slug for slug, told in rows if "--data" in told}
    planned = {slug for slug, told in rows if told == "planned"}
    assert len(rows) == len(taken | planned) >= 5
    assert taken == {slug for slug in list_slugs() if load_experiment(slug).own_data} & {
        slug for slug, _ in rows
    }
    known = {study.slug for study in load_register().studies.values()}
    assert planned <= known - set(list_slugs())


def test_the_task_table_shows_every_command():
    told = {line.split()[1] for line in commands("dti")}
    named = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert (named | set(own_modules())) - told == {"ui"}, "which `make ui` calls"
