"""A table of words for people: framed and coloured in a terminal, aligned plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Cell:
    """One cell; ``style`` is rich's, and lost in a pipe: what must be seen there too stands in the text."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Column:
    """One column's heading (a line break where a terminal may break it), and on which side its cells stand."""

    heading: str
    right: bool = False


@dataclass(frozen=True)
class Grid:
    """Columns and rows, each row as long as there are columns."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]

    def table(self) -> Table:
        """For a terminal."""
        table = Table(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        table.padding, table.pad_edge = (0, 1, 0, 0), False
        lines = max(column.heading.count("\n") for column in self.columns)
        for column in self.columns:
            lowered = "\n" * (lines - column.heading.count("\n")) + column.heading
            table.add_column(lowered, justify="right" if column.right else "left")
        for row in self.rows:
            table.add_row(*(Text(cell.text, cell.style) for cell in row))
        return table

    def lines(self) -> list[str]:
        """For a pipe: the title, the headings, the rows; columns two blanks apart."""
        headings = [column.heading.replace("\n", " ") for column in self.columns]
        texts = [headings, *([cell.text for cell in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        return [self.title, *(self._line(row, widths) for row in texts)]

    def _line(self, row: Iterable[str], widths: Sequence[int]) -> str:
        padded = (
            text.rjust(width) if column.right else text.ljust(width)
            for column, text, width in zip(self.columns, row, widths, strict=True)
        )
        return "  ".join(padded).rstrip()
