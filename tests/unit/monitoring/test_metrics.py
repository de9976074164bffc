"""The monitor's series: what each verb moves, which windows are shown, and what an unknown value looks like."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitoring.metrics.monitor import MonitorMetrics
from monitoring.metrics.window_series import MOST_VERSIONS
from monitoring.store import Stored
from stream_app.drift_events import DriftEvent, WindowRef
from tests.builders.drift_events import drift_event, feature, outcomes, performance, prediction, realised
from tests.builders.records import MODEL, TOY


class Exported:
    """Metrics on a registry of their own, and what a scrape of it holds."""

    def __init__(self, keep_windows: int = 48) -> None:
        self.registry = CollectorRegistry()
        self.metrics = MonitorMetrics(self.registry, MODEL, TOY, keep_windows, window_seconds=2_678_400)

    def value(self, name: str, /, **labels: str) -> float | None:
        return self.registry.get_sample_value("loan_monitor_" + name, labels)

    def windows(self, name: str) -> list[str]:
        """Ids that have a sample of this series."""
        families = [family for family in self.registry.collect() if family.name == "loan_monitor_" + name]
        return [sample.labels["window"] for family in families for sample in family.samples]


@pytest.fixture
def exported() -> Exported:
    return Exported()


# ---- reading ---------------------------------------------------------------------------------------------------------


def test_every_decision_and_outcome_read_is_counted_once_by_what_became_of_it(exported: Exported) -> None:
    exported.metrics.stored(Stored(10, 4, 3, 7, 2, 1, 6, 5))
    decisions = {result: exported.value("decisions_total", result=result) for result in ("new", "known", "late")}
    assert decisions == {"new": 7, "known": 4, "late": 3}
    outcomes = {
        r: exported.value("outcomes_total", result=r) for r in ("new", "repeated", "contradicting", "other_client")
    }
    assert outcomes == {"new": 7, "repeated": 2, "contradicting": 1, "other_client": 6}
    assert exported.value("outcomes_pending") == 5


def test_pending_outcomes_are_those_of_now_and_do_not_add_up(exported: Exported) -> None:
    exported.metrics.stored(Stored(labels_pending=5))
    exported.metrics.stored(Stored(labels_pending=2))
    assert exported.value("outcomes_pending") == 2


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("decisions_total", {"result": "late"}),
        ("outcomes_total", {"result": "contradicting"}),
        ("unreadable_records_total", {"topic": "loan.outcomes"}),
        ("child_failures_total", {"child": "analyst"}),
        ("child_failures_total", {"child": "reporter"}),
        ("reports_total", {"result": "failed"}),
        ("windows_closed_total", {"verdict": "drifted"}),
        ("store_failures_total", {}),
    ],
)
def test_counters_are_there_at_zero_before_anything_happens(
    exported: Exported, name: str, labels: dict[str, str]
) -> None:
    """Otherwise increase() would not see the first failure."""
    assert exported.value(name, **labels) == 0


def test_what_is_wrong_with_the_input_is_counted(exported: Exported) -> None:
    exported.metrics.ahead(2)
    exported.metrics.unknown_model(3)
    exported.metrics.unreadable({"loan.decisions": 4, "loan.outcomes": 0})
    exported.metrics.store_failed()
    assert exported.value("decisions_ahead_total") == 2
    assert exported.value("unknown_model_decisions_total") == 3
    assert exported.value("unreadable_records_total", topic="loan.decisions") == 4
    assert exported.value("store_failures_total") == 1


def test_lag_is_that_of_the_partitions_owned_now(exported: Exported) -> None:
    exported.metrics.lag_is({("loan.decisions", 0): 5, ("loan.outcomes", 0): 1})
    exported.metrics.lag_is({("loan.decisions", 1): 7})
    assert exported.value("consumer_lag_records", topic="loan.decisions", partition="0") is None
    assert exported.value("consumer_lag_records", topic="loan.decisions", partition="1") == 7
    assert exported.value("partitions_assigned") == 1


def test_event_time_is_in_seconds_and_zero_before_the_first_event(exported: Exported) -> None:
    exported.metrics.watermark_is(1_136_073_600_500_000)
    assert exported.value("event_time_timestamp_seconds") == 1_136_073_600.5
    exported.metrics.watermark_is(None)
    assert exported.value("event_time_timestamp_seconds") == 0


def test_model_and_window_size_are_told_from_the_start(exported: Exported) -> None:
    assert exported.value("model_info", name=MODEL.name, version=MODEL.version, sha256=MODEL.sha256) == 1
    assert exported.value("window_size_seconds") == 2_678_400


def test_last_commit_and_last_drift_run_are_wall_clock_times(exported: Exported) -> None:
    exported.metrics.committed(1_700_000_000)
    exported.metrics.drift_run_done(1_700_000_001)
    assert exported.value("last_commit_timestamp_seconds") == 1_700_000_000
    assert exported.value("last_drift_run_timestamp_seconds") == 1_700_000_001


def test_children_reports_and_closings_are_counted_and_timed(exported: Exported) -> None:
    exported.metrics.child_failed("reporter")
    exported.metrics.report_failed()
    exported.metrics.report_written(3.0)
    exported.metrics.closing_took(0.2)
    assert exported.value("child_failures_total", child="reporter") == 1
    assert exported.value("reports_total", result="failed") == 1
    assert exported.value("reports_total", result="written") == 1
    assert exported.value("report_seconds_sum") == 3.0
    assert exported.value("window_closing_seconds_count") == 1


# ---- windows ---------------------------------------------------------------------------------------------------------


def test_a_window_shows_its_figures_under_its_id(exported: Exported) -> None:
    exported.metrics.window_computed(
        drift_event("2006-03", rows=1_200, late_rows=4, drifted_share=0.25, outcomes=outcomes(approved=0.6))
    )
    expected = {
        "window_start_timestamp_seconds": dt.datetime(2006, 3, 1, tzinfo=dt.UTC).timestamp(),
        "window_rows": 1_200,
        "window_late_rows": 4,
        "drifted_share": 0.25,
        "approved_share": 0.6,
        "prediction_psi": 0.025,
        "mean_probability": 0.05,
    }
    assert {name: exported.value(name, window="2006-03") for name in expected} == expected
    end = dt.datetime(2006, 4, 1, tzinfo=dt.UTC).timestamp()
    assert exported.value("window_end_timestamp_seconds", window="2006-03", kind="time") == end


def test_a_drift_ratio_is_psi_over_its_limit(exported: Exported) -> None:
    exported.metrics.window_computed(
        drift_event(
            features=(feature("home", ratio=2.0),), prediction=prediction(ratio=0.5), outcomes=outcomes(ratio=4.0)
        )
    )
    assert exported.value("feature_psi", window="2006-03", feature="home") == 0.5
    assert exported.value("feature_drift_ratio", window="2006-03", feature="home") == 2.0
    assert exported.value("prediction_drift_ratio", window="2006-03") == 0.5
    assert exported.value("outcome_drift_ratio", window="2006-03") == 4.0


def test_performance_is_shown_by_model_version(exported: Exported) -> None:
    truth = realised(ratio=2.0, low=1.5, high=2.5)
    exported.metrics.window_computed(drift_event(performance=(performance("a", truth=truth), performance("b"))))
    of_a = {"window": "2006-03", "model_version": "a"}
    assert exported.value("observed_over_predicted", **of_a) == 2.0
    assert exported.value("observed_over_predicted_low", **of_a) == 1.5
    assert exported.value("observed_over_predicted_high", **of_a) == 2.5
    assert exported.value("realised_default_rate", **of_a) == 0.1
    assert exported.value("expected_default_rate", **of_a) == 0.05
    assert exported.value("labelled_share", window="2006-03", model_version="b") == 0.0


UNKNOWN = [
    ("feature_drift_ratio", {"feature": "home"}),
    ("feature_psi", {"feature": "home"}),
    ("prediction_drift_ratio", {}),
    ("mean_probability", {}),
    ("drifted_share", {}),
    ("approved_share", {}),
    ("realised_default_rate", {"model_version": "v1"}),
    ("observed_over_predicted_low", {"model_version": "v1"}),
]


@pytest.mark.parametrize(("name", "labels"), UNKNOWN, ids=[name for name, _ in UNKNOWN])
def test_what_a_window_does_not_know_is_absent_and_not_zero(
    exported: Exported, name: str, labels: dict[str, str]
) -> None:
    exported.metrics.window_computed(
        drift_event(
            rows=0,
            verdict="too_few",
            features=(feature("home", ratio=None),),
            prediction=prediction(ratio=None, mean=None),
        )
    )
    assert exported.value(name, window="2006-03", **labels) is None
    assert exported.value("window_rows", window="2006-03") == 0


def test_the_next_revision_takes_the_place_of_the_last_and_is_not_another_window(exported: Exported) -> None:
    known = drift_event(performance=(performance(truth=realised(ratio=1.2)),))
    exported.metrics.window_computed(known)
    later = msgspec.structs.replace(known, revision=2, performance=(performance("v2"),), computed_at=FUTURE)
    exported.metrics.window_computed(later)
    assert exported.value("observed_over_predicted", window="2006-03", model_version="v1") is None
    assert exported.value("expected_default_rate", window="2006-03", model_version="v2") == 0.05
    assert exported.value("windows_closed_total", verdict="stable") == 1
    assert exported.value("last_window_closed_timestamp_seconds") == known.computed_at.timestamp()


FUTURE = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def test_only_the_newest_windows_are_shown_in_whatever_order_they_come() -> None:
    exported = Exported(keep_windows=2)
    for number in (3, 0, 2, 1):
        exported.metrics.window_computed(drift_event(f"2005-{number + 1:02}"))
    assert exported.windows("window_rows") == ["2005-03", "2005-04"]


def test_count_windows_do_not_push_time_windows_out() -> None:
    exported = Exported(keep_windows=1)
    exported.metrics.window_computed(drift_event("2005-04"))
    exported.metrics.window_computed(drift_event(by_count(1)))
    exported.metrics.window_computed(drift_event(by_count(2)))
    assert exported.windows("window_rows") == ["2005-04", "count-000002"]


def by_count(number: int) -> WindowRef:
    start = dt.datetime(2007, 1, number, tzinfo=dt.UTC)
    return WindowRef(id=f"count-{number:06}", kind="count", start=start, end=start + dt.timedelta(hours=5))


def test_restored_windows_are_shown_and_not_counted_again(exported: Exported) -> None:
    exported.metrics.windows_restored([drift_event("2005-01"), drift_event("2005-02")])
    assert exported.windows("window_rows") == ["2005-01", "2005-02"]
    assert exported.value("windows_closed_total", verdict="stable") == 0
    assert exported.value("last_window_closed_timestamp_seconds") == drift_event().computed_at.timestamp()


def test_forgotten_windows_leave_no_series(exported: Exported) -> None:
    exported.metrics.window_computed(drift_event())
    exported.metrics.forget_windows()
    assert b'window="' not in generate_latest(exported.registry)


def test_the_reference_is_that_of_the_newest_window(exported: Exported) -> None:
    exported.metrics.window_computed(drift_event())
    assert exported.value("reference_missing_share", feature="home") == 0.25
    assert exported.value("reference_mean_probability") == 0.045
    assert exported.value("reference_approved_share") == 0.72


# ---- labels stay bounded ---------------------------------------------------------------------------------------------


def test_features_outside_the_contract_make_no_series(exported: Exported) -> None:
    """A window in the store may be of an older bundle."""
    exported.metrics.window_computed(drift_event(features=(feature("home"), feature("of another bundle"))))
    assert b"of another bundle" not in generate_latest(exported.registry)
    assert exported.value("feature_psi", window="2006-03", feature="home") == 0.025


def test_of_many_model_versions_those_with_the_most_rows_are_shown(exported: Exported) -> None:
    many = tuple(performance(f"v{number}", rows=number) for number in range(MOST_VERSIONS + 5))
    exported.metrics.window_computed(drift_event(performance=many))
    shown = [number for number in range(len(many)) if expected_of(exported, f"v{number}") is not None]
    assert shown == list(range(5, MOST_VERSIONS + 5))


def expected_of(exported: Exported, version: str) -> float | None:
    return exported.value("expected_default_rate", window="2006-03", model_version=version)


def test_every_series_name_is_exported_before_the_first_window(exported: Exported) -> None:
    def names() -> set[str]:
        return {family.name for family in exported.registry.collect()}

    before = names()
    exported.metrics.window_computed(full())
    assert names() == before


def full() -> DriftEvent:
    return drift_event(performance=(performance(truth=realised()),))
