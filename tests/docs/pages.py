"""The pages of the documentation, and what stands in them: commands, files to be saved, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
AT_THE_TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "models/datasets/LICENSE.md")
PAGES = [*(ROOT / name for name in AT_THE_TOP), *sorted((ROOT / "docs").rglob("*.md"))]
WRITTEN_BY_HAND = [page for page in PAGES if "Written by `make docs`" not in page.read_text()]

_BLOCK = re.compile(r"(?:as\s+`([\w.-]+)`[^`\n]*\n\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PARTS = re.compile(r"<!-- needs: ([\w ]+) -->")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Step:
    """One thing a reader does: run a command, run a program, or save a file (then ``file`` has its name)."""

    kind: str
    text: str
    file: str = ""


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def steps(page: Path) -> Iterator[Step]:
    """In the order of the page. A command begins with ``$``; a line that begins with ``>`` continues it."""
    for file, language, body in _BLOCK.findall(page.read_text()):
        if file:
            yield Step("save", body, file)
        elif language == "python":
            yield Step("python", body)
        elif language == "console":
            for command in re.findall(r"^\$ (.*(?:\n> .*)*)$", body, re.MULTILINE):
                yield Step("command", command.replace("\n> ", "\n"))


def needed(page: Path) -> list[str]:
    """What the page presupposes to run, named in a comment that a reader does not see."""
    return [part for parts in _PARTS.findall(page.read_text()) for part in parts.split()]


def languages(page: Path) -> set[str]:
    return {language for _, language, _ in _BLOCK.findall(page.read_text())}


def prose(page: Path) -> str:
    """The page without code blocks, code spans, comments, addresses, and what comes from docstrings."""
    generated = r"<!-- [\w ]+: written by .*?<!-- end of "
    without_blocks = re.sub(rf"^```.*?^```$|{generated}|<!--.*?-->", "", page.read_text(), flags=re.M | re.S)
    return re.sub(r"`[^`]*`|\]\([^)]*\)|<http[^>]*>", " ", without_blocks)


def code_spans(page: Path) -> list[str]:
    without_blocks = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", without_blocks)


def relative_links(page: Path) -> list[str]:
    without_code = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [link for link in _LINK.findall(without_code) if not link.startswith(("http://", "https://", "mailto:"))]


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings, as code hosts make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {_slug(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def _slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
