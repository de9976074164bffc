"""What the demo says at its end: figures, JSON with fixed keys, the model against the truth, and when it fails."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from stream_app.demo.reconciliation import Account, Answer, Latency
from stream_app.demo.summary import (
    Summary,
    YearOfDecisions,
    account_lines,
    by_year,
    latency_text,
    require_complete,
    require_writable,
    verdict,
    year_conclusion,
    year_lines,
)
from stream_app.errors import DemoFailed, InputFileError
from stream_app.tables.messages import DECISION
from tests.builders.drift_events import event_with_drift as event

GOOD = Account(
    requests=1_000,
    decisions=995,
    rejections=Counter(not_json=3, tombstone=2),
    outcomes=Counter(approved=700, review=200, refused=95),
    missing=0,
    duplicates=0,
    unexpected=Counter(),
    latency=Latency(12.3456, 45.6789),
    seconds=0.123456,
)
EMPTY = Account(
    requests=1,
    decisions=0,
    rejections=Counter(),
    outcomes=Counter(),
    missing=1,
    duplicates=0,
    unexpected=Counter(),
    latency=Latency(None, None),
    seconds=0.0,
)


def changed(**changes: object) -> Account:
    fields = {name: getattr(GOOD, name) for name in GOOD.__dataclass_fields__}
    return Account(**(fields | changes))


def test_the_json_has_exactly_these_keys_in_this_order(tmp_path: Path) -> None:
    Summary.of(GOOD, 990, []).write(tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_bytes())
    assert list(written) == [
        "requests",
        "decisions",
        "rejections",
        "missing",
        "duplicates",
        "decisions_per_second",
        "latency_p50_ms",
        "latency_p99_ms",
        "approved",
        "review",
        "refused",
        "seconds",
        "outcomes",
        "secured",
        "security_protocol",
        "windows",
        "windows_drifted",
        "drifted_features",
        "calibration_off_since",
    ]
    assert (written["rejections"], written["latency_p50_ms"], written["seconds"]) == (5, 12.35, 0.123)
    assert (written["outcomes"], written["windows"], written["drifted_features"]) == (990, 0, {})
    assert written["decisions_per_second"] == pytest.approx(995 / 0.123456, abs=0.1)


def test_without_answers_latency_is_null_and_the_rate_is_zero() -> None:
    summary = msgspec.to_builtins(Summary.of(EMPTY, 0, None))
    assert (summary["latency_p50_ms"], summary["latency_p99_ms"], summary["decisions_per_second"]) == (None, None, 0)


def test_what_the_monitor_saw_is_counted_with_the_first_window_of_each_alarm() -> None:
    windows = [
        event("2005-09"),
        event("2005-10", drifted=["low_doc"]),
        event("2005-11", drifted=["state", "low_doc"], calibration="predicted_too_low"),
    ]
    summary = Summary.of(GOOD, 990, windows)
    assert (summary.windows, summary.windows_drifted) == (3, 2)
    assert summary.drifted_features == {"low_doc": "2005-10", "state": "2005-11"}
    assert summary.calibration_off_since == "2005-11"


def test_without_a_monitor_what_it_would_have_seen_is_null() -> None:
    summary = msgspec.to_builtins(Summary.of(GOOD, 990, None))
    names = ("windows", "windows_drifted", "drifted_features", "calibration_off_since")
    assert [summary[name] for name in names] == [None] * 4


def test_writing_replaces_an_older_summary_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text("older")
    Summary.of(GOOD, 990, []).write(path)
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]
    assert json.loads(path.read_bytes())["requests"] == 1_000


def test_a_summary_that_cannot_be_written_leaves_the_older_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.mkdir()
    with pytest.raises(InputFileError, match="summary"):
        Summary.of(GOOD, 990, []).write(path)
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def test_a_folder_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    require_writable(tmp_path / "summary.json")
    with pytest.raises(InputFileError, match="no folder"):
        require_writable(tmp_path / "nowhere" / "summary.json")


def test_the_lines_name_every_rejection_reason_and_outcome() -> None:
    lines = dict(account_lines(GOOD))
    assert lines["decisions"] == "995: 700 approved, 200 review, 95 refused"
    assert (lines["  not_json"], lines["  tombstone"], lines["missing"]) == ("3", "2", "0")
    assert lines["latency"] == "p50 12 ms, p99 46 ms, from send to read"


def test_an_unexpected_output_has_its_own_line() -> None:
    lines = dict(account_lines(changed(unexpected=Counter({("not_json", DECISION): 4}))))
    assert lines["  not_json expected"] == "4 got: decision"


@pytest.mark.parametrize(
    ("latency", "text"),
    [
        (Latency(None, None), "p50 –, p99 –"),
        (Latency(3.21, 9.99), "p50 3.2 ms, p99 10.0 ms"),
        (Latency(10.0, 1234.0), "p50 10 ms, p99 1,234 ms"),
    ],
)
def test_latency_keeps_a_digit_only_where_it_means_something(latency: Latency, text: str) -> None:
    assert latency_text(latency) == text


def test_a_complete_account_passes_and_says_so() -> None:
    require_complete(GOOD)
    assert verdict(GOOD) == "Every one of the 1,000 requests has exactly one output, of the expected kind."


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"missing": 3}, "3 missing"),
        ({"duplicates": 2}, "2 doubled"),
        ({"unexpected": Counter({("a", "b"): 1})}, "1 not as expected"),
        ({"missing": 3, "duplicates": 2}, "3 missing, 2 doubled"),
    ],
)
def test_an_account_with_any_fault_fails_and_counts_it(fault: dict[str, object], text: str) -> None:
    with pytest.raises(DemoFailed, match=text):
        require_complete(changed(**fault))


def test_years_compare_mean_prediction_with_the_observed_share_over_decisions_only() -> None:
    answers = [
        (0, Answer(0.0, DECISION, probability_of_default=0.1)),
        (1, Answer(0.0, DECISION, probability_of_default=0.3)),
        (2, Answer(0.0, "not_json")),
        (3, Answer(0.0, DECISION, probability_of_default=0.5)),
    ]
    years = by_year(answers, years=[2005, 2005, 2005, 2007], defaulted=[0, 1, 1, 1])
    assert years == [YearOfDecisions(2005, 2, 0.2, 0.5), YearOfDecisions(2007, 1, 0.5, 1.0)]
    assert year_lines(years)[0] == ("2005", "20.0% predicted, 50.0% observed, 2 loans")


def test_the_conclusion_names_only_the_years_in_which_clearly_more_loans_defaulted() -> None:
    sound, off = YearOfDecisions(2005, 900, 0.05, 0.06), YearOfDecisions(2007, 900, 0.05, 0.20)
    assert year_conclusion([sound]) == "In no year did clearly more loans default than predicted."
    assert year_conclusion([sound, off]) == (
        "More loans defaulted than predicted: 2007 4.0 times as many. The model was trained on loans of 2001-2004."
    )
