"""The monitor's log: each kind of line once a minute, and each unknown model once."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest

from monitoring.decode import Incoming
from monitoring.log_lines import MOST_VERSIONS, LogLines, window_line
from monitoring.store import Stored
from stream_app.drift_events import PredictionDrift, Shift
from tests.builders.drift_events import short_event


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(clock: Clock, caplog: pytest.LogCaptureFixture) -> LogLines:
    caplog.set_level(logging.INFO)
    return LogLines("ours", clock)


def test_a_kind_of_line_is_logged_once_a_minute_with_how_many_were_suppressed(
    lines: LogLines, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(0, 150, 10):
        clock.now = 1_000 + second
        lines.log("store", logging.WARNING, "the store is away")
    assert caplog.messages == [
        "the store is away",
        "the store is away (5 more such lines suppressed before it)",
        "the store is away (5 more such lines suppressed before it)",
    ]


def test_one_kind_does_not_suppress_another(lines: LogLines, caplog: pytest.LogCaptureFixture) -> None:
    lines.log("store", logging.WARNING, "the store is away")
    lines.log("publish", logging.ERROR, "the broker is away")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "the store is away"),
        ("ERROR", "the broker is away"),
    ]


def test_each_unknown_model_version_is_logged_once_and_its_decisions_are_counted_each_time(
    lines: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    assert lines.count_unknown_models(["ours", "theirs", "theirs", "third"]) == 3
    assert lines.count_unknown_models(["theirs", "ours"]) == 1
    assert lines.count_unknown_models(["ours"]) == 0
    assert [version for version in ("theirs", "third") for line in caplog.messages if version in line] == [
        "theirs",
        "third",
    ]


def test_of_very_many_models_some_are_named_and_one_line_stands_for_the_others(
    lines: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    assert lines.count_unknown_models(f"v{n}" for n in range(1_000)) == 1_000
    assert len(caplog.messages) == MOST_VERSIONS + 1
    assert "still more models" in caplog.messages[-1]


def test_a_version_text_cannot_pass_for_a_line_of_the_log(lines: LogLines, caplog: pytest.LogCaptureFixture) -> None:
    lines.count_unknown_models(["v\nCRITICAL all is lost" + "!" * 1_000])
    [line] = caplog.messages
    assert "\n" not in line
    assert len(line) < 300


def test_what_is_out_of_order_in_a_poll_is_logged_in_a_line_a_kind_and_names_nobody(
    lines: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    incoming = Incoming(unreadable=Counter({"d": 3}), first_unreadable={"d": (1, 77)}, ahead=2)
    stored = Stored(labels_contradicting=4, labels_pending=5)
    lines.log_poll(incoming, stored)
    lines.log_poll(incoming, stored)
    assert [line.split(";")[0] for line in caplog.messages] == [
        "3 records of d break their contract, the first at offset 77 of partition 1",
        "2 decisions are dated in the future",
        "4 outcomes contradict the one known for their request",
        "5 outcomes wait for the decision they belong to.",
    ]


def test_nothing_is_logged_of_a_poll_in_order(lines: LogLines, caplog: pytest.LogCaptureFixture) -> None:
    lines.log_poll(Incoming(), Stored(decisions_new=9, labels_new=2))
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"verdict": "too_few"}, "window 1970-01-01: 3 decisions, too few rows to judge"),
        ({"verdict": "stable"}, "window 1970-01-01: 3 decisions, stable"),
    ],
)
def test_a_window_is_described_in_one_line(changes: dict[str, Any], line: str) -> None:
    assert window_line(short_event(**changes)) == line


def test_a_drifted_window_is_described_with_what_drifted() -> None:
    shift = Shift(psi=1.0, psi_limit=0.5, drifted=True, distance=None, distance_method="none")
    prediction = PredictionDrift(shift=shift, mean_probability=0.5, reference_mean_probability=0.1)
    event = short_event(verdict="drifted", prediction=prediction)
    assert window_line(event) == "window 1970-01-01: 3 decisions, drifted: the prediction"
