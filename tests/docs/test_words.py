"""The words of the pages: short, plain, and naming only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from stream_app.cli import COMMANDS, cli
from tests.docs.pages import PAGES, ROOT, WRITTEN_BY_HAND, code_spans, languages, name_of, prose, steps

DIALECT = re.compile(r"\b(told|whereabouts|said again|giving up|given away|sought|in company|heeds?|news|desk)\b")
"""Words with which earlier versions of these pages described things that have a name in the field."""

MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_readme_fits_on_a_few_screens() -> None:
    readme = (ROOT / "README.md").read_bytes()
    assert len(readme) <= 9_000
    assert len(readme.splitlines()) <= 150


def test_the_readme_begins_with_a_picture() -> None:
    assert re.match(r"# .*\n\n\[?!\[[^\]]{40,}\]\((.*?)\)", (ROOT / "README.md").read_text())


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=name_of)
def test_a_page_keeps_to_the_words_of_the_field(page: Path) -> None:
    assert DIALECT.findall(prose(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_stand_in_console_blocks_alone(page: Path) -> None:
    assert languages(page) & {"sh", "bash", "shell", "", "zsh"} == set()


def test_every_command_in_a_sentence_exists_with_its_options() -> None:
    for page in WRITTEN_BY_HAND:
        for span in code_spans(page):
            if span.startswith("stream-app "):
                assert_is_command(span.split()[1:])


def assert_is_command(arguments: list[str]) -> None:
    """Every word up to the first option names a command or is an argument; every option is known to it."""
    command: click.Command = cli
    for word in arguments:
        if word.startswith("--"):
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            assert word.partition("=")[0] in known | {"--help", "--version"}, arguments
        elif isinstance(command, click.Group):
            below = command.get_command(click.Context(command), word)
            assert below or word == "COMMAND", arguments
            command = below or command


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    shown = {step.text for page in PAGES for step in steps(page)} | {
        s for page in WRITTEN_BY_HAND for s in code_spans(page)
    }
    named = {words[1] for words in (text.split() for text in shown) if words[:1] == ["make"] and len(words) > 1}
    assert named <= targets


def test_the_list_of_commands_is_complete() -> None:
    reference = (ROOT / "docs/reference/cli.md").read_text()
    assert [name for name in COMMANDS if f"## stream-app {name}\n" not in reference] == []
