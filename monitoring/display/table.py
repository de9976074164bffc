"""A table of words for people: framed and coloured in a terminal, aligned plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.table import Table
from rich.text import Text

_BETWEEN = 2
"""Blanks between two columns."""

_EDGES = 2
"""What rich puts beside a table."""


@dataclass(frozen=True)
class Cell:
    """One cell; ``style`` is rich's, and lost in a pipe: what must be seen there too stands in the text."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """One column's heading (a line break where a terminal may break it), and on which side its cells stand.

    ``wraps``: a terminal may break its cells. ``optional``: a narrow terminal may leave it out.
    """

    heading: str
    right: bool = False
    wraps: bool = False
    optional: bool = False

    @property
    def name(self) -> str:
        """The heading on one line."""
        return self.heading.replace("\n", " ")


@dataclass(frozen=True)
class Grid:
    """Columns and rows, each row as long as there are columns."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]

    def table(self, width: int) -> Table:
        """For a terminal of so many characters a line; names under the table the columns it has no room for."""
        shown = self._fitting(width)
        hidden = [column.name for column in self.columns if column not in shown.columns]
        caption = f"No room here for: {', '.join(hidden)}." if hidden else None
        table = Table(
            title=self.title, title_justify="left", title_style="bold", caption=caption, caption_justify="left"
        )
        table.box, table.padding, table.pad_edge = box.SIMPLE_HEAD, (0, 1, 0, 0), False
        lines = max(column.heading.count("\n") for column in shown.columns)
        for column in shown.columns:
            lowered = "\n" * (lines - column.heading.count("\n")) + column.heading
            table.add_column(lowered, justify="right" if column.right else "left", no_wrap=not column.wraps)
        for row in shown.rows:
            table.add_row(*(Text(cell.text, cell.style) for cell in row))
        return table

    def lines(self) -> list[str]:
        """For a pipe: the title, the headings, the rows."""
        texts = [[column.name for column in self.columns], *([cell.text for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        return [self.title, *(self._line(row, widths) for row in texts)]

    def _line(self, row: Iterable[str], widths: Sequence[int]) -> str:
        padded = (
            text.rjust(width) if column.right else text.ljust(width)
            for column, text, width in zip(self.columns, row, widths, strict=True)
        )
        return (" " * _BETWEEN).join(padded).rstrip()

    def _fitting(self, width: int) -> Grid:
        """Without optional columns, the leftmost first, as far as it takes to fit."""
        optional = [number for number, column in enumerate(self.columns) if column.optional]
        if not optional or sum(map(self._width, range(len(self.columns)))) + _EDGES <= width:
            return self
        without = optional[0]
        columns = (*self.columns[:without], *self.columns[without + 1 :])
        rows = [[*row[:without], *row[without + 1 :]] for row in self.rows]
        return replace(self, columns=columns, rows=rows)._fitting(width)

    def _width(self, number: int) -> int:
        """Characters a column takes in a terminal, at least: its longest line, or word where it may be broken."""
        column = self.columns[number]
        texts = [*column.heading.split("\n"), *(row[number].text for row in self.rows)]
        pieces = [word for text in texts for word in text.split()] if column.wraps else texts
        return max(map(len, pieces), default=0) + _BETWEEN
