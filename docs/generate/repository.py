"""What follows from the files of the repository: the list of decision records, and what every module does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from docs.generate.address import ROOT
from docs.generate.markdown import Row, page, table, words

PACKAGES = ("stream_app", "models", "monitoring")
DECISIONS = """
Decisions that needed thought, each with the measurement that settled it. A record is not rewritten when a later one
changes its decision: its status then names the later one.
"""


def decisions() -> str:
    files = sorted((ROOT / "docs/decisions").glob("0*.md"))
    return page("Decision records", DECISIONS, table("number|decision|status|date", map(_decision, files)))


def _decision(file: Path) -> Row:
    title = re.sub(r"^# \d{4} ", "", file.read_text().partition("\n")[0])
    facts = dict(re.findall(r"^\* (Status|Date): (.*)$", file.read_text(), re.MULTILINE))
    return file.name[:4], f"[{title}]({file.name})", facts.get("Status", ""), facts.get("Date", "")


def rooms() -> str:
    """Each package: what it is for, then a line of each file. Both are the first sentence of a docstring."""
    return "".join(
        _room(marker.parent)
        for package in PACKAGES
        for marker in sorted((ROOT / package).rglob("__init__.py"), key=lambda file: file.parent)
    )


def _room(folder: Path) -> str:
    name = folder.relative_to(ROOT).as_posix()
    files = [file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    rows = ((f"[`{file.name}`](../../{name}/{file.name})", _first_sentence(file)) for file in files)
    listing = f"\n{table('file|what it does', rows)}" if files else ""
    return f"\n### `{name}`\n\n{_first_sentence(folder / '__init__.py')}\n{listing}"


def _first_sentence(file: Path) -> str:
    text = words(ast.get_docstring(ast.parse(file.read_text())))
    return re.split(r"(?<=[.?!]) (?=[A-Z`])", text, maxsplit=1)[0]
