"""What is out of line can be read off the drift tables: names, sparklines, calibration, one sentence."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from monitoring.display.feature_table import feature_grid, figures_grid, left_out, sparkline
from monitoring.display.table import Cell, Column, Grid
from monitoring.display.verdicts import features_of, summary
from monitoring.display.window_table import window_grid
from stream_app.drift_events import CalibrationVerdict, DriftEvent, FeatureDrift, Performance
from tests.builders import drift_events
from tests.builders.drift_events import FEATURES, realised, shift
from tests.builders.drift_events import event_with_ratios as event


def performance(
    calibration: CalibrationVerdict = "unknown", known: float = 0.0, version: str = "v1", rows: int = 1_000
) -> Performance:
    """``known``: share of the labels that are, half of them defaults."""
    truth = realised(10.0, 1.5, 9.25, calibration=calibration, default_rate=0.5) if known else None
    return drift_events.performance(version, rows, truth, known)


def texts(row: list[Cell]) -> list[str]:
    return [cell.text for cell in row]


def rows_of(grid: Grid) -> list[list[str]]:
    return [texts(list(row)) for row in grid.rows]


@pytest.mark.parametrize(
    ("ratios", "blocks"),
    [
        ((0.0, 0.25, 0.26, 0.5, 0.75, 1.0), "▁▁▂▂▃▄"),
        ((1.01, 1.5, 1.6, 2.1, 3.0, 3.1, 99.0), "▅▅▆▇▇██"),
        ((0.1, None, 2.0), "▁·▆"),
    ],
)
def test_the_upper_half_of_a_sparkline_is_drift_and_nothing_else(ratios: tuple[float | None, ...], blocks: str) -> None:
    assert sparkline([shift(ratio) for ratio in ratios]) == blocks
    for ratio, block in zip(ratios, blocks, strict=True):
        assert shift(ratio).drifted == (block in "▅▆▇█")


def test_a_window_without_the_feature_is_a_dot() -> None:
    assert sparkline([None, shift(0.1)]) == "·▁"


def test_a_window_names_what_drifted_the_furthest_first_and_counts_what_is_beyond_three() -> None:
    drifted: dict[str, float | None] = {
        "amount": 1.1,
        "employees": 3.0,
        "home": 2.0,
        "prediction": 1.2,
        "outcomes": 1.05,
    }
    [row] = rows_of(window_grid([event(3, drifted)]))
    assert row[:5] == [
        "2006-03",
        "1,000",
        "DRIFTED",
        "employees, home, (probability) +2",
        "75.0%",
    ]


def test_too_few_decisions_are_no_verdict() -> None:
    [row] = rows_of(window_grid([event(verdict="too_few", rows=20)]))
    assert row[1:4] == ["20", "too few", ""]


def test_without_outcomes_there_is_a_prediction_and_nothing_observed() -> None:
    [row] = rows_of(window_grid([event()]))
    assert row[5:] == ["5.0%", "–", "0%", "–", "unknown"]


def test_known_defaults_are_a_share_of_all_decisions_beside_the_share_whose_outcome_is_known() -> None:
    """Half of the fifth that is known defaulted: a tenth of all so far."""
    [row] = rows_of(window_grid([event(performance=(performance("predicted_too_low", known=0.2),))]))
    assert row[5:] == ["5.0%", "10.0%", "20%", "1.50 – 9.25", "PD TOO LOW"]


def test_a_second_model_version_has_a_line_of_its_own_under_the_window() -> None:
    both = (performance("in_line", 1.0, "v1", 600), performance(version="v2", rows=400))
    grid = window_grid([event(1), event(2, performance=both)])
    assert "model" in [column.heading for column in grid.columns]
    assert [row[0] for row in rows_of(grid)] == ["2006-01", "2006-02", ""]
    assert [row[5] for row in rows_of(grid)] == ["v1", "v1", "v2"]
    assert [row[-1] for row in rows_of(grid)] == ["unknown", "in line", "unknown"]


def test_a_window_without_any_decision_that_could_be_read_still_has_a_whole_line() -> None:
    [row] = rows_of(window_grid([event(rows=0, performance=(), verdict="too_few")]))
    assert row == ["2006-01", "0", "too few", "", "–", "–", "–", "–", "–", "–"]


def test_probability_and_outcomes_come_first_then_features_the_furthest_out_on_top() -> None:
    grid = feature_grid([event(1, {"home": 4.0}), event(2, {"employees": 2.0})])
    assert [row[0] for row in rows_of(grid)] == ["(probability)", "(outcome mix)", "home", "employees", "amount"]


def test_a_features_line_has_its_windows_and_the_figures_of_the_latest() -> None:
    [row] = rows_of(feature_grid([event(1, {"home": 4.0}), event(2, {"home": 0.5})], ["home"]))
    assert row == ["home", "█▂", "1 of 2", "0.125", "0.250", "12.5%", "25.0%", "0.0%"]


def test_the_figures_are_of_the_latest_window_with_decisions_enough_and_the_title_says_which() -> None:
    few = event(3, dict.fromkeys((*FEATURES, "prediction", "outcomes"), None), verdict="too_few")
    grid = feature_grid([event(1), event(2, {"home": 0.5}), few], ["home"])
    assert grid.title == "PSI over its limit, 2006-01 to 2006-03; figures of 2006-02"
    assert rows_of(grid)[0][1:5] == ["▁▂·", "0 of 3", "0.125", "0.250"]


def test_the_figures_of_one_window_are_those_of_every_distribution_the_furthest_out_first() -> None:
    rows = rows_of(figures_grid(event(1, {"home": 2.0, "outcomes": 1.5})))
    assert [row[:2] for row in rows[:2]] == [["home", "DRIFTED"], ["(outcome mix)", "DRIFTED"]]
    assert rows[0][2:] == ["0.500", "0.250", "0.100", "wasserstein", "12.5%", "25.0%", "0.0%"]
    assert {row[1] for row in rows[2:]} == {"stable"}


def wide(drifted: int, features: int = 30) -> DriftEvent:
    made = tuple(
        FeatureDrift(
            feature=f"f{number}",
            kind="number",
            shift=shift(2.0 if number < drifted else 0.1),
            missing_share=0.0,
            reference_missing_share=0.0,
            unseen_share=0.0,
        )
        for number in range(features)
    )
    return event(features=made)


@pytest.mark.parametrize(("drifted", "shown", "hidden"), [(0, 20, 10), (5, 20, 10), (25, 25, 5), (30, 30, 0)])
def test_of_many_features_all_that_drifted_are_shown_and_the_quiet_ones_up_to_twenty(
    drifted: int, shown: int, hidden: int
) -> None:
    events = [wide(drifted)]
    assert len(feature_grid(events).rows) == shown + 2
    assert left_out(events) == hidden


def test_features_of_an_older_contract_are_among_the_names() -> None:
    assert features_of([wide(0, features=1), event()]) == ["f0", *FEATURES]


def test_the_summary_counts_windows_and_names_what_drifted_most_often() -> None:
    low = (performance("predicted_too_low", known=0.3),)
    events = [event(1, {"home": 2.0}), event(2, {"home": 2.0, "amount": 3.0}, performance=low), event(3)]
    assert summary(events) == "2 of 3 windows drifted: home in 2, amount in 1; 1 saw more defaults than predicted."


def test_the_summary_of_a_quiet_time_is_short() -> None:
    assert summary([event()]) == "0 of 1 windows drifted."
    few = event(verdict="too_few", performance=(performance("predicted_too_high", known=1.0),))
    assert summary([few]) == (
        "0 of 1 windows drifted; 1 saw fewer defaults than predicted; 1 had too few decisions to judge."
    )


def test_a_grid_in_a_pipe_is_aligned_without_trailing_blanks() -> None:
    grid = Grid(
        "Title", (Column("name"), Column("a\nnumber", right=True)), [[Cell("x"), Cell("1")], [Cell("y"), Cell("")]]
    )
    assert grid.lines() == ["Title", "name  a number", "x            1", "y"]


def in_a_terminal(grid: Grid, width: int) -> str:
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=width).print(grid.table(width))
    return out.getvalue()


def test_in_a_terminal_what_is_out_of_line_is_red_and_bold() -> None:
    shown = in_a_terminal(window_grid([event(1, {"home": 4.0}), event(2)]), width=140)
    assert "\x1b[1;31mDRIFTED" in shown
    assert "\x1b[32mstable" in shown


def test_a_wide_terminal_shows_every_column() -> None:
    assert "No room" not in in_a_terminal(window_grid([event()]), width=140)


def test_a_narrow_terminal_shows_whole_words_and_says_which_columns_it_has_no_room_for() -> None:
    shown = in_a_terminal(
        window_grid([event(1, {"home": 4.0}, performance=(performance("predicted_too_low", 0.2),))]), 80
    )
    assert "No room here for: approved, outcome known" in shown
    for word in ("2006-01", "DRIFTED", "home", "PD TOO LOW"):
        assert word in shown
    assert "…" not in shown
