"""What people see of the demo: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Self

import click
import msgspec
from rich.console import Console, Group
from rich.live import Live as Display
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from stream_app.demo.reconciliation import Latency
from stream_app.demo.summary import latency_text

PLAIN_SECONDS = 2.0
"""Least time between two plain lines."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the replay at one moment; the rate is over the last seconds, latency over the last answers.

    ``newest_window``: the newest of the monitor's windows in a few words, empty before the first.
    """

    total: int
    sent: int
    decided: int
    rejected: int
    per_second: float
    latency: Latency
    newest_window: str = ""

    def __str__(self) -> str:
        return (
            f"sent {self.sent:,} · decided {self.decided:,} · rejected {self.rejected:,} · "
            f"{self.per_second:,.0f} decisions/s · {latency_text(self.latency)}"
            f"{f' · {self.newest_window}' if self.newest_window else ''}"
        )


class Screen:
    """One line at a time, for logs and pipes. A context manager: what is shown live ends with it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._shown_at = clock, clock()

    def say(self, text: str) -> None:
        """One or several sentences."""
        click.echo(text)

    def show(self, live: Live) -> None:
        """The state of the replay; called often."""
        if self._clock() - self._shown_at >= PLAIN_SECONDS:
            self._shown_at = self._clock()
            click.echo(str(live))

    def table(self, title: str, rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:
        """Rows with as many cells each, under a title and perhaps a header."""
        lines = [header, *rows] if header else list(rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        click.echo("\n".join([f"{title}:", *(f"  {line}" for line in aligned)]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end: plain lines stay."""


class TerminalScreen(Screen):
    """A progress bar with the figures under it; tables at the end."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._bar = Progress(TextColumn("answered"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._task = self._bar.add_task("", start=False)
        self._display = Display(console=console, transient=True)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def show(self, live: Live) -> None:
        self._bar.update(self._task, total=live.total, completed=live.decided + live.rejected)
        self._display.update(Group(self._bar, Text(str(live))))

    def table(self, title: str, rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:
        table = Table(*header, title=title, show_header=bool(header), title_justify="left", title_style="bold")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def __enter__(self) -> Self:
        self._bar.start_task(self._task)  # the clock of the replay, not of the program
        self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop()


def screen() -> Screen:
    """The one that fits where standard output goes."""
    console = Console(file=sys.stdout)
    return TerminalScreen(console) if console.is_terminal else Screen()
