"""Windows that are due: closed, computed, announced, tidied up, in order; what fails is told and done next time."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.store import Position
from monitoring.windows.scheduler import MOST_A_LOOK, MOST_TRIES
from stream_app.errors import ChildClosed, StoreError, StoreUnavailable
from tests.builders.window_closer import DAY, Monitor, Store, key

STEPS = ("windows", "positions", "close_due", "close_due_counts", "uncomputed", "computed", "unpublished", "published")


def test_what_is_due_is_closed_then_computed_then_announced_then_tidied_up() -> None:
    monitor = Monitor(Store(key("a")), count=10)
    monitor.look()
    assert monitor.store.steps == [
        *STEPS[:6],
        *("unpublished", "published"),
        *("positions", "remove_before"),
    ]
    assert monitor.analyst.asked == [("a", 1)]
    assert (monitor.announced, monitor.reported, monitor.store.sent) == (["a"], ["a"], {"a": 1})
    assert monitor.metrics.told[-1] == "drift_run_done"


def test_windows_close_by_the_watermark_of_the_decisions_alone() -> None:
    monitor = Monitor(Store())
    monitor.look()
    assert monitor.store.closed_before_us == 9 * DAY
    assert monitor.metrics.told.count("watermark_is") == 1


def test_nothing_closes_before_every_partition_was_read_or_is_at_rest() -> None:
    monitor = Monitor(Store())
    monitor.closer.partitions = 2
    monitor.look()
    assert "close_due" not in monitor.store.steps
    monitor.idle = {1}
    monitor.look()
    assert monitor.store.closed_before_us == 9 * DAY


def test_a_monitor_that_does_not_lead_touches_nothing() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.look(leading=False)
    assert (monitor.store.steps, monitor.analyst.asked, monitor.metrics.told) == ([], [], [])


def test_who_takes_the_lead_shows_past_windows_and_who_loses_it_shows_none() -> None:
    monitor = Monitor(Store())
    for leading in (True, True, False, False, True):
        monitor.look(leading)
    shown = [verb for verb in monitor.metrics.told if verb in ("windows_restored", "forget_windows")]
    assert shown == ["windows_restored", "forget_windows", "windows_restored"]


def test_outcomes_that_come_make_the_next_revision_which_is_announced_and_not_reported() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.look()
    monitor.store.closed["a"] = key("a", labels_seen=4)
    monitor.look()
    monitor.look()
    assert monitor.analyst.asked == [("a", 1), ("a", 2)]
    assert (monitor.announced, monitor.reported, monitor.store.sent) == (["a", "a"], ["a"], {"a": 2})
    assert (monitor.metrics.told.count("window_computed"), monitor.metrics.told.count("closing_took")) == (2, 1)


def test_a_window_the_analyst_crashes_on_is_tried_a_few_times_then_left_and_the_others_are_computed() -> None:
    monitor = Monitor(Store(key("a"), key("b")))
    monitor.analyst.fails = 1
    monitor.look()
    assert monitor.announced == ["b"]
    for _ in range(5):
        monitor.analyst.fails = 1
        monitor.look()
    assert [name for name, _ in monitor.analyst.asked].count("a") == MOST_TRIES
    assert monitor.metrics.told.count("child_failed") == MOST_TRIES
    assert "drift_run_done" not in monitor.metrics.told
    assert monitor.reported == ["b"]


def test_a_window_that_was_left_is_tried_again_when_outcomes_come() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails = MOST_TRIES
    for _ in range(MOST_TRIES + 1):
        monitor.look()
    assert monitor.announced == []
    monitor.store.closed["a"] = key("a", labels_seen=1)
    monitor.look()
    assert monitor.announced == ["a"]


def test_a_refresh_the_analyst_crashes_on_is_left_too_and_the_window_stays_as_it_was() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.look()
    monitor.store.closed["a"] = key("a", labels_seen=1)
    monitor.analyst.fails, monitor.analyst.fault = 9, StoreError("Its rows were removed.")
    for _ in range(MOST_TRIES + 1):
        monitor.look()
    assert monitor.analyst.asked == [("a", 1)] + [("a", 2)] * MOST_TRIES
    assert monitor.store.events["a"].revision == 1


@pytest.mark.parametrize("step", [*STEPS, "remove_before"])
def test_a_store_that_fails_at_any_step_is_told_and_the_next_look_does_the_rest(step: str) -> None:
    monitor = Monitor(Store(key("a")), count=10)
    monitor.store.failing = step
    monitor.look()
    assert monitor.metrics.told.count("store_failed") == 1
    assert "drift_run_done" not in monitor.metrics.told
    monitor.store.failing = ""
    monitor.look()
    assert monitor.metrics.told.count("store_failed") == 1
    assert monitor.store.sent == {"a": 1}
    assert monitor.metrics.told.count("windows_restored") == 1


def test_a_store_that_the_analyst_does_not_reach_costs_the_window_no_try() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails, monitor.analyst.fault = 5, StoreUnavailable("The store is away.")
    for _ in range(6):
        monitor.look()
    assert (monitor.metrics.told.count("store_failed"), monitor.metrics.told.count("child_failed")) == (5, 0)
    assert monitor.announced == ["a"]


def test_a_monitor_that_stops_in_the_middle_of_a_window_leaves_it_for_the_next_without_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    monitor = Monitor(Store(key("a")))
    monitor.analyst.fails, monitor.analyst.fault = 1, ChildClosed("The analyst was ended.")
    monitor.look()
    assert (monitor.announced, caplog.messages) == ([], [])
    assert not {"child_failed", "drift_run_done"} & set(monitor.metrics.told)


def test_a_store_of_other_windows_is_no_trouble_that_passes() -> None:
    monitor = Monitor(Store())
    monitor.store.close_due = _refuse  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        monitor.look()


def _refuse(*_: Any) -> None:
    raise StoreError("The store has windows of another size.")


def test_an_event_that_was_not_delivered_is_sent_at_the_next_look() -> None:
    monitor = Monitor(Store(key("a"), key("b")))
    monitor.broker_fails = 1
    monitor.look()
    assert (monitor.announced, monitor.store.sent) == ([], {})
    assert "drift_run_done" not in monitor.metrics.told
    monitor.look()
    assert (monitor.announced, monitor.store.sent) == (["a", "b"], {"a": 1, "b": 1})
    assert monitor.analyst.asked == [("a", 1), ("b", 1)]


def test_an_event_whose_delivery_was_not_noted_is_sent_again() -> None:
    monitor = Monitor(Store(key("a")))
    monitor.store.failing = "published"
    monitor.look()
    monitor.store.failing = ""
    monitor.look()
    assert monitor.announced == ["a", "a"]


def test_after_some_windows_their_events_go_out_before_more_are_computed() -> None:
    monitor = Monitor(Store(*(key(f"w{n:03}") for n in range(MOST_A_LOOK + 1))))
    monitor.look()
    assert len(monitor.announced) == MOST_A_LOOK
    assert "drift_run_done" not in monitor.metrics.told
    monitor.look()
    assert len(monitor.announced) == MOST_A_LOOK + 1
    assert "drift_run_done" in monitor.metrics.told


def test_no_window_that_got_outcomes_waits_for_ever_behind_others_that_always_get_some() -> None:
    names = [f"w{n:03}" for n in range(MOST_A_LOOK + 1)]
    monitor = Monitor(Store(*map(key, names)))
    for labels_seen in range(1, 5):
        monitor.look()
        monitor.store.closed = {name: key(name, labels_seen) for name in names}
    assert {name for name, revision in monitor.analyst.asked if revision > 1} == set(names)


def test_old_rows_are_removed_until_there_are_none_and_then_when_event_time_has_moved_by_a_window() -> None:
    monitor = Monitor(Store())
    for _ in range(4):
        monitor.look()
    assert monitor.store.removed == [7 * DAY, 7 * DAY]
    monitor.store.at["d", 0] = Position(6, 10 * DAY + 1)
    monitor.look()
    assert monitor.store.removed[2:] == [8 * DAY]
