"""What the demo makes of the monitor's events: the highest revision of each window, quarters, alarms, a conclusion."""

from __future__ import annotations

from itertools import permutations

import pytest

from stream_app.demo.drift_summary import (
    HEADER,
    DriftWindows,
    alarm_lines,
    calibration_of,
    conclusion,
    first_drifts,
    first_off,
    newest_text,
    quarter_rows,
)
from stream_app.drift_events import DriftEvent
from tests.builders.drift_events import event_with_drift as month


def seen(*events: DriftEvent) -> DriftWindows:
    drift_windows = DriftWindows()
    for event in events:
        drift_windows.add(event)
    return drift_windows


def test_a_window_is_as_its_highest_revision_has_it_in_whichever_order_they_come() -> None:
    revisions = [month("2005-01", revision=number, labelled=number) for number in (1, 2, 3)]
    for order in permutations(revisions):
        assert seen(*order).in_order() == [revisions[2]]
        assert seen(*order).labelled == 3


def test_windows_are_in_the_order_of_their_time() -> None:
    windows = seen(month("2006-01"), month("2005-02"), month("2005-10")).in_order()
    assert [event.window.id for event in windows] == ["2005-02", "2005-10", "2006-01"]


def test_late_decisions_are_accounted_for_but_not_labelled() -> None:
    drift_windows = seen(month("2005-01", rows=10, late_rows=2, labelled=4), month("2005-02", rows=5))
    assert (drift_windows.decisions, drift_windows.labelled) == (17, 4)


def test_a_quarter_has_one_row_with_means_over_its_decisions() -> None:
    windows = [
        month("2005-10", rows=1_000, labelled=1_000, observed=0.10),
        month("2005-11", rows=3_000, labelled=3_000, observed=0.06),
        month("2006-01", rows=500),
    ]
    assert quarter_rows(windows) == [
        ("2005 Q4", "4,000", "5.0%", "7.0%", "in line", "–"),
        ("2006 Q1", "500", "5.0%", "–", "unknown", "–"),
    ]
    assert len(HEADER) == 6


def test_a_quarter_whose_labels_are_known_in_part_says_of_how_much() -> None:
    [row] = quarter_rows([month("2005-10", rows=1_000, labelled=250, observed=0.08)])
    assert row[3] == "8.0% of 25%"


def test_a_quarter_says_how_many_of_its_windows_are_off() -> None:
    off = month("2005-11", calibration="predicted_too_low")
    assert quarter_rows([month("2005-10", labelled=9), off])[0][4] == "too low in 1 of 2"
    assert quarter_rows([off])[0][4] == "too low"
    assert quarter_rows([month("2005-10", calibration="predicted_too_high")])[0][4] == "too high"
    known, unknown = month("2005-11", labelled=9), month("2005-12")
    assert quarter_rows([known, unknown])[0][4] == "in line in 1 of 2"


def test_a_quarter_names_what_drifted_in_any_of_its_windows_the_strongest_first() -> None:
    windows = [
        month("2005-10", drifted=["low_doc"]),
        month("2005-11", drifted=["revolving_line", "state", "low_doc"]),
    ]
    assert quarter_rows(windows)[0][5] == "low_doc, revolving_line, state"


def test_a_quarter_of_too_few_decisions_is_never_called_stable() -> None:
    assert quarter_rows([month("2005-10", rows=10, verdict="too_few")])[0][5] == "too few decisions"


def test_each_alarm_says_when_it_was_first_and_how_often() -> None:
    windows = [
        month("2005-09"),
        month("2005-10", drifted=["low_doc"]),
        month("2005-11", drifted=["state", "low_doc"], calibration="predicted_too_low"),
    ]
    assert alarm_lines(windows) == [
        ("low_doc", "drifted first in 2005-10, in 2 of 3 windows"),
        ("state", "drifted first in 2005-11, in 1 of 3 windows"),
        ("prediction", "never drifted in 3 windows"),
        ("outcome mix", "never drifted in 3 windows"),
        ("calibration", "was off first in 2005-11, in 1 of 3 windows"),
    ]
    assert first_drifts(windows) == {"low_doc": "2005-10", "state": "2005-11"}
    assert first_off(windows) == "2005-11"


def test_without_alarms_there_is_no_first_one() -> None:
    assert alarm_lines([month("2005-09")])[-1] == ("calibration", "was never off in 1 windows")
    assert (first_drifts([month("2005-09")]), first_off([month("2005-09")])) == ({}, None)


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        (month("2005-01"), "unknown"),
        (month("2005-01", labelled=10), "in_line"),
        (month("2005-01", calibration="predicted_too_high"), "predicted_too_high"),
    ],
)
def test_calibration_is_unknown_without_labels(event: DriftEvent, verdict: str) -> None:
    assert calibration_of(event) == verdict


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (month("2005-09"), "2005-09 stable"),
        (month("2005-10", drifted=["low_doc", "state"]), "2005-10 drifted: low_doc, state"),
        (month("2005-11", verdict="too_few"), "2005-11 too few"),
    ],
)
def test_the_newest_window_is_described_in_a_few_words(event: DriftEvent, text: str) -> None:
    assert newest_text(event) == text


@pytest.mark.parametrize(
    ("windows", "text"),
    [
        (
            [month("2005-01", labelled=9), month("2005-02", labelled=9)],
            "No input drifted in the 2 windows from 2005-01 to 2005-02: the applications are like those the model was "
            "trained on. Loans defaulted about as predicted in 2 of 2 windows.",
        ),
        (
            [
                month("2005-01", labelled=9),
                month("2005-02"),
                month("2005-03", verdict="too_few"),
            ],
            "No input drifted in the 2 windows from 2005-01 to 2005-02: the applications are like those the model was "
            "trained on. Loans defaulted about as predicted in 1 of 3 windows; of the others too little is known to "
            "tell.",
        ),
        (
            [month("2005-01", verdict="too_few")],
            "No window has enough decisions to tell whether inputs drifted. Too little is known to tell whether loans "
            "default as predicted.",
        ),
        (
            [
                month("2005-09", labelled=1_000),
                month("2005-10", drifted=["low_doc"], labelled=1_000),
                month(
                    "2005-11",
                    drifted=["state", "low_doc"],
                    labelled=1_000,
                    observed=0.2,
                    calibration="predicted_too_low",
                ),
            ],
            "Inputs drifted in 2 of the 3 windows from 2005-09 to 2005-11, first low_doc in 2005-10, 2 inputs in all: "
            "the applications are not like those the model was trained on. More loans defaulted than predicted in 1 of "
            "3 windows, first in 2005-11: 5.0% predicted, 20.0% observed. Drift is seen as soon as a window closes; "
            "what it costs only labels show, years later.",
        ),
        (
            [month("2005-11", labelled=1_000, observed=0.01, calibration="predicted_too_high")],
            "No input drifted in the one window, 2005-11: the applications are like those the model was trained on. "
            "Fewer loans defaulted than predicted in 1 of 1 windows, first in 2005-11: 5.0% predicted, 1.0% observed.",
        ),
    ],
    ids=["sound", "partly known", "too few", "drifted and too low", "too high"],
)
def test_the_conclusion_says_what_these_windows_show_and_nothing_else(windows: list[DriftEvent], text: str) -> None:
    assert conclusion(windows) == text
