"""From the stored decisions of a window to its drift event."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any, Literal

import msgspec
import numpy as np
import pytest

from monitoring.statistics.drift import Options
from monitoring.statistics.window_analysis import analyse
from monitoring.store import Rows, WindowKey
from stream_app.drift_events import DriftEvent
from stream_app.events import Decision
from tests.builders.records import NOW, record, request, toy_pipeline
from tests.builders.toy_windows import drift, toy_columns, toy_reference

NAN = np.nan
REFERENCE = toy_reference()
FEBRUARY_US, MARCH_US = 1_769_904_000_000_000, 1_772_323_200_000_000


def key(kind: Literal["time", "count"] = "time", window_id: str = "2026-02") -> WindowKey:
    return WindowKey(window_id, kind, FEBRUARY_US, MARCH_US, None, None, 0)


def decided(rows: int = 600, seed: int = 2) -> Rows:
    """What the scorer makes of a toy window, as the store gives it back."""
    columns = toy_columns(rows, seed)
    requests = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    judged = toy_pipeline().judge([record(request(features=features)) for features in requests], NOW)
    decisions = [verdict for verdict in judged.verdicts if isinstance(verdict, Decision)]
    return Rows(
        records=[msgspec.json.encode(decision).decode() for decision in decisions],
        probability=np.array([decision.probability_of_default for decision in decisions]),
        outcome=[decision.outcome for decision in decisions],
        model_version=[decision.model.version for decision in decisions],
        defaulted=np.full(rows, NAN),
        late=0,
    )


def analysed(rows: Rows, window: WindowKey | None = None) -> DriftEvent:
    return analyse(rows, window or key(), REFERENCE, "abc123", Options(), NOW, revision=1)


def with_features(text: str, **changed: Any) -> str:
    """The decision record with these features changed or added."""
    whole = json.loads(text)
    return json.dumps(whole | {"features": whole["features"] | changed})


def test_the_event_says_what_the_statistics_say_of_the_scorers_own_records() -> None:
    event, expected = analysed(decided()), drift(REFERENCE, toy_columns(600, seed=2))
    assert (event.verdict, event.drifted_share) == ("stable", 0.0)
    assert (event.features, event.prediction, event.outcomes) == (
        expected.features,
        expected.prediction,
        expected.outcomes,
    )


def test_the_event_names_its_window_its_reference_and_its_revision() -> None:
    event = analyse(decided(), key(), REFERENCE, "abc123", Options(), NOW, revision=3)
    start, end = dt.datetime(2026, 2, 1, tzinfo=dt.UTC), dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert (event.window.id, event.window.kind, event.window.start, event.window.end) == ("2026-02", "time", start, end)
    assert (event.reference_version, event.revision, event.computed_at) == ("abc123", 3, NOW)


def test_the_event_survives_its_own_json() -> None:
    event = analysed(replace(decided(), defaulted=np.array([1.0] * 100 + [NAN] * 500)))
    assert msgspec.json.decode(msgspec.json.encode(event), type=DriftEvent) == event


def test_the_same_rows_in_another_order_give_the_same_drift() -> None:
    rows, order = decided(), np.random.default_rng(1).permutation(600)
    shuffled = Rows(
        [rows.records[i] for i in order],
        rows.probability[order],
        [rows.outcome[i] for i in order],
        [rows.model_version[i] for i in order],
        rows.defaulted[order],
        late=0,
    )
    assert analysed(shuffled).features == analysed(rows).features


@pytest.mark.parametrize(
    "spoilt",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"features": null}',
        '{"features": {"amount": "much"}}',
        '{"features": {"employees": 1.5}}',
        '{"features": {"amount": -1}}',
        '{"features": {"of_another_contract": 1}}',
        '{"features": {"home": "\ud800"}}',
        '{"reasons": ' + "[" * 100_000,
    ],
)
def test_a_record_that_does_not_fit_the_contract_is_counted_and_left_out_of_everything(spoilt: str) -> None:
    rows = decided()
    records = [spoilt, *rows.records[1:-1], spoilt]
    event = analysed(replace(rows, records=records, defaulted=np.array([1.0, *[NAN] * 598, 1.0])))
    kept = Rows(
        rows.records[1:-1], rows.probability[1:-1], rows.outcome[1:-1], rows.model_version[1:-1], np.full(598, NAN), 0
    )
    assert (event.rows, event.unreadable_rows) == (598, 2)
    assert msgspec.structs.replace(event, unreadable_rows=0) == analysed(kept)


def test_late_rows_are_told_and_are_not_among_the_rows() -> None:
    event = analysed(replace(decided(), late=7))
    assert (event.rows, event.late_rows) == (600, 7)


def test_a_feature_that_is_absent_is_missing() -> None:
    rows = decided()
    absent = [json.dumps({"features": {"amount": 5.0, "employees": 1}}) for _ in rows.records]
    assert feature_named(analysed(replace(rows, records=absent)), "home").missing_share == 1.0


def test_an_unseen_category_in_a_record_is_unseen_and_not_missing() -> None:
    rows = decided()
    boats = [with_features(text, home="boat") for text in rows.records[:150]]
    found = feature_named(analysed(replace(rows, records=boats + rows.records[150:])), "home")
    assert found.unseen_share == 0.25


def test_a_window_of_unreadable_records_alone_says_too_few() -> None:
    rows = decided()
    event = analysed(replace(rows, records=["{}"] * 600))
    assert (event.verdict, event.rows, event.unreadable_rows, event.performance) == ("too_few", 0, 600, ())


def test_each_model_version_answers_for_its_own_decisions() -> None:
    rows = decided()
    versions = ["new"] * 200 + ["old"] * 400
    event = analysed(replace(rows, model_version=versions, defaulted=np.array([1.0] * 50 + [NAN] * 150 + [0.0] * 400)))
    new, old = event.performance
    assert (new.model_version, new.rows, new.labelled) == ("new", 200, 50)
    assert (old.model_version, old.rows, old.labelled) == ("old", 400, 400)
    assert new.expected_default_rate == pytest.approx(rows.probability[:200].mean())


def test_of_very_many_model_versions_those_with_the_most_rows_are_told_and_the_event_fits_into_a_record() -> None:
    """A version is whatever a record says: an event that no broker takes would hold back all that come after it."""
    rows = decided()
    versions = ["often"] * 101 + [f"{number:064d}" for number in range(499)]
    event = analysed(replace(rows, model_version=versions, defaulted=np.ones(600)))
    assert [each.model_version for each in event.performance][-1] == "often"
    assert len(event.performance) == 100
    assert len(msgspec.json.encode(event)) < 100_000


def test_a_window_below_the_least_rows_keeps_its_counts_and_judges_nothing() -> None:
    event = analysed(decided(499))
    assert (event.verdict, event.rows, event.drifted_share) == ("too_few", 499, 0.0)
    assert {each.shift.psi for each in event.features} == {None}


def feature_named(event: DriftEvent, name: str) -> Any:
    return next(each for each in event.features if each.feature == name)
