"""The few shapes of Markdown that the generated pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable

NOTE = "<!-- Written by `make docs`; do not edit. -->"
Row = Iterable[str]


def page(title: str, introduction: str, *sections: str) -> str:
    """A whole page. ``introduction``: one paragraph, in lines of any length."""
    return "\n\n".join(part.strip() for part in (f"# {title}", f"{NOTE}\n{words(introduction)}", *sections)) + "\n"


def table(header: str, rows: Iterable[Row]) -> str:
    """A table. ``header``: the column names, separated by ``|``."""
    names = header.split("|")
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)
    return "\n".join([f"| {' | '.join(names)} |", "|" + "---|" * len(names), *(f"| {line} |" for line in lines)]) + "\n"


def words(text: str | None) -> str:
    """A docstring in one line: double backticks and roles become single backticks."""
    return re.sub(r":\w+:`[~.]?([^`]*)`", r"`\1`", " ".join((text or "").split())).replace("``", "`")


def between(text: str, marker: str, body: str) -> str:
    """``text`` with what stands between the two comments of ``marker`` replaced by ``body``."""
    start, end = f"<!-- {marker}: written by `make docs` -->\n", f"<!-- end of {marker} -->"
    before, rest = text.split(start)
    return f"{before}{start}{body}{end}{rest.split(end)[1]}"
