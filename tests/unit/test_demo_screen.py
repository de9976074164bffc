"""The demo's screen: plain lines without a terminal, a bar and tables with one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from stream_app.demo.screen import Live, PlainScreen, TerminalScreen, screen
from stream_app.ledger import Latency

LIVE = Live(total=100, sent=60, decided=50, rejected=2, per_second=1_234.5, latency=Latency(1.5, 20.0))


def test_a_live_line_has_sent_decided_rejected_rate_and_latency() -> None:
    assert str(LIVE) == "sent 60 · decided 50 · rejected 2 · 1,234 decisions/s · p50 1.5 ms, p99 20 ms"


def test_plain_lines_come_at_most_every_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 1.0, 2.5, 2.5, 3.0, 4.6, 4.6])
    with PlainScreen(clock=lambda: next(times)) as plain:
        for _ in range(4):
            plain.show(LIVE)
    assert capsys.readouterr().out.count("sent 60") == 2


def test_a_plain_table_is_aligned_lines_without_frames(capsys: pytest.CaptureFixture[str]) -> None:
    PlainScreen().table("Summary", [("a", "1"), ("longer", "2")])
    assert capsys.readouterr().out == "Summary:\n  a       1\n  longer  2\n"


def test_a_terminal_shows_bar_figures_words_and_table() -> None:
    out = io.StringIO()
    with TerminalScreen(Console(file=out, force_terminal=True, width=100)) as terminal:
        terminal.show(LIVE)
        terminal.say("[not markup]")
    terminal.table("Summary", [("requests", "60")])
    for part in ("52/100", "1,234 decisions/s", "[not markup]", "requests"):
        assert part in out.getvalue()


def test_without_a_terminal_the_screen_is_plain() -> None:
    assert isinstance(screen(), PlainScreen)
