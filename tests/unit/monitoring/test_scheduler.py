"""Windows that are due are closed, computed and published, in order; what fails is logged and done at the next tick."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.store import PartitionOffset
from monitoring.windows.scheduler import MAX_TRIES, MAX_WINDOWS_PER_TICK
from stream_app.errors import ChildClosed, StoreError, StoreUnavailable
from tests.builders.window_scheduler import DAY, Monitor, Store, key

STEPS = (
    "windows",
    "offsets",
    "close_due",
    "close_due_counts",
    "uncomputed",
    "window_event",
    "unpublished",
    "published",
)


def test_what_is_due_is_closed_then_computed_then_published_and_old_rows_are_removed_last() -> None:
    monitor = Monitor(Store(key("a")), count=10)
    monitor.tick()
    assert monitor.store.steps == [
        *STEPS[:6],
        *("unpublished", "published"),
        *("offsets", "remove_before"),
    ]
    assert monitor.analyst.asked == [("a", 1)]
    assert (monitor.published, monitor.reported, monitor.store.sent) == (["a"], ["a"], {"a": 1})
    assert monitor.metrics.called[-1] == "drift_run_done"


def test_windows_close_by_the_watermark_of_the_decisions_alone() -> None:
    monitor = Monitor(Store())
    monitor.tick()
    assert monitor.store.closed_before_us == 9 * DAY
    assert monitor.metrics.called.count("watermark_is") == 1


def test_nothing_closes_before_every_partition_was_read_or_is_idle() -> None:
    monitor = Monitor(Store())
    monitor.scheduler.partitions = 2
    monitor.tick()
    assert "close_due" not in monitor.store.steps
    monitor.idle = {1}
    monitor.tick()
    assert monitor.store.closed_before_us == 9 * DAY


def test_a_monitor_that_does_not_lead_touches_nothing() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.tick(leading=False)
    assert (monitor.store.steps, monitor.analyst.asked, monitor.metrics.called) == ([], [], [])


def test_who_takes_the_lead_shows_past_windows_and_who_loses_it_shows_none() -> None:
    monitor = Monitor(Store())
    for leading in (True, True, False, False, True):
        monitor.tick(leading)
    shown = [verb for verb in monitor.metrics.called if verb in ("windows_restored", "forget_windows")]
    assert shown == ["windows_restored", "forget_windows", "windows_restored"]


def test_labels_that_come_make_the_next_revision_which_is_published_and_not_reported() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.tick()
    monitor.store.closed["a"] = key("a", labels_seen=4)
    monitor.tick()
    monitor.tick()
    assert monitor.analyst.asked == [("a", 1), ("a", 2)]
    assert (monitor.published, monitor.reported, monitor.store.sent) == (["a", "a"], ["a"], {"a": 2})
    assert (monitor.metrics.called.count("window_computed"), monitor.metrics.called.count("closing_took")) == (2, 1)


def test_a_window_the_analyst_crashes_on_is_tried_a_few_times_then_left_and_the_others_are_computed() -> None:
    monitor = Monitor(Store(key("a"), key("b")))
    monitor.analyst.fails = 1
    monitor.tick()
    assert monitor.published == ["b"]
    for _ in range(5):
        monitor.analyst.fails = 1
        monitor.tick()
    assert [name for name, _ in monitor.analyst.asked].count("a") == MAX_TRIES
    assert monitor.metrics.called.count("child_failed") == MAX_TRIES
    assert "drift_run_done" not in monitor.metrics.called
    assert monitor.reported == ["b"]


def test_a_window_whose_analyst_dies_after_it_stored_the_row_is_computed_all_the_same() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails, monitor.analyst.stores_first = 1, True
    monitor.tick()
    assert monitor.analyst.asked == [("a", 1)]
    assert (monitor.published, monitor.reported) == (["a"], ["a"])
    assert monitor.metrics.called.count("child_failed") == monitor.metrics.called.count("window_computed") == 1


def test_a_window_that_was_left_is_tried_again_when_labels_come() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails = MAX_TRIES
    for _ in range(MAX_TRIES + 1):
        monitor.tick()
    assert monitor.published == []
    monitor.store.closed["a"] = key("a", labels_seen=1)
    monitor.tick()
    assert monitor.published == ["a"]


def test_a_refresh_the_analyst_crashes_on_is_left_too_and_the_window_stays_as_it_was() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.tick()
    monitor.store.closed["a"] = key("a", labels_seen=1)
    monitor.analyst.fails, monitor.analyst.error = 9, StoreError("Its rows were removed.")
    for _ in range(MAX_TRIES + 1):
        monitor.tick()
    assert monitor.analyst.asked == [("a", 1)] + [("a", 2)] * MAX_TRIES
    assert monitor.store.events["a"].revision == 1


@pytest.mark.parametrize("step", [*STEPS, "remove_before"])
def test_a_store_that_fails_at_any_step_is_counted_and_the_next_tick_does_the_rest(step: str) -> None:
    monitor = Monitor(Store(key("a")), count=10)
    monitor.store.failing = step
    monitor.tick()
    assert monitor.metrics.called.count("store_failed") == 1
    assert "drift_run_done" not in monitor.metrics.called
    monitor.store.failing = ""
    monitor.tick()
    assert monitor.metrics.called.count("store_failed") == 1
    assert monitor.store.sent == {"a": 1}
    assert monitor.metrics.called.count("windows_restored") == 1


def test_a_store_that_the_analyst_does_not_reach_costs_the_window_no_try() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails, monitor.analyst.error = 5, StoreUnavailable("The store is away.")
    for _ in range(6):
        monitor.tick()
    assert (monitor.metrics.called.count("store_failed"), monitor.metrics.called.count("child_failed")) == (5, 0)
    assert monitor.published == ["a"]


def test_a_monitor_that_stops_in_the_middle_of_a_window_leaves_it_for_the_next_and_logs_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails, monitor.analyst.error = 1, ChildClosed("The analyst was ended.")
    monitor.tick()
    assert (monitor.published, caplog.messages) == ([], [])
    assert not {"child_failed", "drift_run_done"} & set(monitor.metrics.called)


def test_a_store_of_other_windows_is_no_temporary_failure() -> None:
    monitor = Monitor(Store())
    monitor.store.close_due = _refuse  # type: ignore[method-assign, assignment]  # for this one store
    with pytest.raises(StoreError):
        monitor.tick()


def _refuse(*_: Any) -> None:
    raise StoreError("The store has windows of another size.")


def test_an_event_that_was_not_delivered_is_published_at_the_next_tick() -> None:
    monitor = Monitor(Store(key("a"), key("b")))
    monitor.broker_fails = 1
    monitor.tick()
    assert (monitor.published, monitor.store.sent) == ([], {})
    assert "drift_run_done" not in monitor.metrics.called
    monitor.tick()
    assert (monitor.published, monitor.store.sent) == (["a", "b"], {"a": 1, "b": 1})
    assert monitor.analyst.asked == [("a", 1), ("b", 1)]


def test_an_event_whose_delivery_was_not_stored_is_published_again() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.store.failing = "published"
    monitor.tick()
    monitor.store.failing = ""
    monitor.tick()
    assert monitor.published == ["a", "a"]


def test_after_some_windows_their_events_are_published_before_more_are_computed() -> None:
    monitor = Monitor(Store(*(key(f"w{n:03}") for n in range(MAX_WINDOWS_PER_TICK + 1))))
    monitor.tick()
    assert len(monitor.published) == MAX_WINDOWS_PER_TICK
    assert "drift_run_done" not in monitor.metrics.called
    monitor.tick()
    assert len(monitor.published) == MAX_WINDOWS_PER_TICK + 1
    assert "drift_run_done" in monitor.metrics.called


def test_no_window_that_got_labels_waits_for_ever_behind_others_that_always_get_some() -> None:
    names = [f"w{n:03}" for n in range(MAX_WINDOWS_PER_TICK + 1)]
    monitor = Monitor(Store(*map(key, names)))
    for labels_seen in range(1, 5):
        monitor.tick()
        monitor.store.closed = {name: key(name, labels_seen) for name in names}
    assert {name for name, revision in monitor.analyst.asked if revision > 1} == set(names)


def test_old_rows_are_removed_until_there_are_none_and_then_when_event_time_has_moved_by_a_window() -> None:
    monitor = Monitor(Store())
    for _ in range(4):
        monitor.tick()
    assert monitor.store.removed == [7 * DAY, 7 * DAY]
    monitor.store.read["d", 0] = PartitionOffset(6, 10 * DAY + 1)
    monitor.tick()
    assert monitor.store.removed[2:] == [8 * DAY]
