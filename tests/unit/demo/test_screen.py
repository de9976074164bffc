"""The demo's screen: plain lines without a terminal, a bar and tables with one."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from stream_app.demo.reconciliation import Latency
from stream_app.demo.screen import Live, Screen, TerminalScreen, screen

LIVE = Live(total=100, sent=60, decided=50, rejected=2, per_second=1_234.5, latency=Latency(1.5, 20.0))


def test_a_live_line_has_sent_decided_rejected_rate_and_latency() -> None:
    assert str(LIVE) == "sent 60 · decided 50 · rejected 2 · 1,234 decisions/s · p50 1.5 ms, p99 20 ms"


def test_a_live_line_ends_with_the_newest_window_once_there_is_one() -> None:
    assert str(msgspec.structs.replace(LIVE, newest_window="2005-10 drifted: low_doc")).endswith(
        "p99 20 ms · 2005-10 drifted: low_doc"
    )


def test_plain_lines_come_at_most_every_two_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 1.0, 2.5, 2.5, 3.0, 4.6, 4.6])
    with Screen(clock=lambda: next(times)) as plain:
        for _ in range(4):
            plain.show(LIVE)
    assert capsys.readouterr().out.count("sent 60") == 2


def test_a_plain_table_is_aligned_lines_without_frames(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table("Summary", [("a", "1"), ("longer", "2")])
    assert capsys.readouterr().out == "Summary:\n  a       1\n  longer  2\n"


def test_a_plain_table_with_a_header_aligns_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table("Windows", [("2005 Q1", "1", "x"), ("2005 Q2", "20,000", "")], header=("quarter", "rows", "y"))
    assert capsys.readouterr().out == "Windows:\n  quarter  rows    y\n  2005 Q1  1       x\n  2005 Q2  20,000\n"


def test_a_terminal_shows_bar_figures_words_and_table() -> None:
    out = io.StringIO()
    with TerminalScreen(Console(file=out, force_terminal=True, width=100)) as terminal:
        terminal.show(LIVE)
        terminal.say("[not markup]")
    terminal.table("Summary", [("requests", "60")])
    terminal.table("Windows", [("2005 Q1", "60")], header=("quarter", "rows"))
    for part in ("52/100", "1,234 decisions/s", "[not markup]", "requests", "quarter", "2005 Q1"):
        assert part in out.getvalue()


def test_without_a_terminal_the_screen_is_plain() -> None:
    assert isinstance(screen(), Screen)
