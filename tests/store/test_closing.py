"""Closed windows: each decision in one, none closed twice, outcomes that join later make them stale."""

from __future__ import annotations

import pytest

from monitoring.event_time import WindowSize
from monitoring.store import DecisionStore, Unpublished, WindowKey
from tests.builders.drift_events import short_event
from tests.builders.store_rows import DAILY, DAY, HOUR, day_of, decision, label, put

FIRST, SECOND = "1970-01-01", "1970-01-02"


def key(store: DecisionStore, window_id: str = FIRST) -> WindowKey:
    found = store.window(window_id)
    assert found is not None
    return found


# ---- time windows ---------------------------------------------------------------------------------------------------


def test_windows_that_are_due_close_in_order_of_time_and_only_once(store: DecisionStore) -> None:
    put(store, [decision("c", 2 * DAY), decision("a", 0), decision("b", DAY)])
    assert store.close_due(2 * DAY, DAILY, at_us=0) == [FIRST, SECOND]
    assert store.close_due(2 * DAY, DAILY, at_us=0) == []
    assert [window.id for window in store.uncomputed()] == [FIRST, SECOND]


def test_a_window_without_decisions_gets_no_row(store: DecisionStore) -> None:
    put(store, [decision("a", 0), decision("b", 9 * DAY)])
    assert store.close_due(5 * DAY, DAILY, at_us=0) == [FIRST]


def test_a_window_of_late_decisions_alone_gets_no_row(store: DecisionStore) -> None:
    put(store, [decision("a", 0, late=True), decision("b", DAY)])
    assert store.close_due(2 * DAY, DAILY, at_us=0) == [SECOND]


def test_a_window_closes_only_when_it_ended_by_then(store: DecisionStore) -> None:
    put(store, [decision("a", 0)])
    assert store.close_due(DAY - 1, DAILY, at_us=0) == []
    assert store.close_due(DAY, DAILY, at_us=0) == [FIRST]


def test_an_instant_within_a_window_leaves_that_window_open(store: DecisionStore) -> None:
    put(store, [decision("a", 0)])
    store.close_due(DAY + HOUR, DAILY, at_us=0)
    assert put(store, [decision("b", DAY + 1)]).late == 0


def test_a_closed_window_says_its_bounds_and_nothing_of_outcomes_yet(store: DecisionStore) -> None:
    put(store, [decision("a", HOUR)], [label("a")])
    store.close_due(DAY, DAILY, at_us=0)
    assert key(store) == WindowKey(FIRST, "time", 0, DAY, None, None, labels_seen=0)


def test_months_close_as_months(store: DecisionStore) -> None:
    monthly = WindowSize.parse("1mo")
    put(store, [decision("a", 30 * DAY), decision("b", 31 * DAY)], size=monthly)
    assert store.close_due(59 * DAY, monthly, at_us=0) == ["1970-01", "1970-02"]


# ---- count windows --------------------------------------------------------------------------------------------------


def test_each_full_run_of_timely_decisions_is_a_count_window(store: DecisionStore) -> None:
    put(store, [decision("a", 5), decision("b", 1), decision("x", late=True), decision("c", 3), decision("d", 4)])
    assert store.close_due_counts(2, at_us=0) == ["count-000001", "count-000002"]
    assert [(w.kind, w.start_us, w.end_us) for w in store.uncomputed()] == [("count", 3, 5), ("count", 1, 6)]
    assert store.rows_of(key(store, "count-000001")).total == 2


def test_a_run_that_is_not_full_waits(store: DecisionStore) -> None:
    put(store, [decision("a"), decision("b"), decision("c")])
    assert store.close_due_counts(2, at_us=0) == ["count-000001"]
    assert store.close_due_counts(2, at_us=0) == []
    put(store, [decision("d")])
    assert store.close_due_counts(2, at_us=0) == ["count-000002"]
    assert store.rows_of(key(store, "count-000002")).records == ['{"request_id":"c"}', '{"request_id":"d"}']


def test_late_decisions_among_a_run_are_counted_beside_it(store: DecisionStore) -> None:
    put(store, [decision("a"), decision("x", late=True), decision("b")])
    store.close_due_counts(2, at_us=0)
    assert store.rows_of(key(store, "count-000001")).late == 1


# ---- computed, announced, reported ----------------------------------------------------------------------------------


def test_a_window_that_was_computed_is_no_longer_to_be_computed(store: DecisionStore) -> None:
    day_of(store, rows=3)
    store.close_due(DAY, DAILY, at_us=0)
    event = short_event()
    store.computed(key(store), event)
    assert store.uncomputed() == store.stale() == []
    assert store.window_event(FIRST) == event
    assert store.windows() == [event]


def test_no_window_and_no_event_are_none(store: DecisionStore) -> None:
    day_of(store, rows=1)
    store.close_due(DAY, DAILY, at_us=0)
    assert (store.window("none"), store.window_event("none"), store.window_event(FIRST)) == (None, None, None)
    assert store.windows() == []


def test_outcomes_that_join_a_computed_window_make_it_stale_until_it_is_computed_again(store: DecisionStore) -> None:
    day_of(store, rows=3)
    day_of(store, rows=1, day=1, name="other")
    store.close_due(2 * DAY, DAILY, at_us=0)
    store.computed(key(store, FIRST), short_event(FIRST))
    store.computed(key(store, SECOND), short_event(SECOND))
    put(store, labels=[label("r0"), label("r2"), label("nobody")])
    (stale,) = store.stale()
    assert (stale.id, stale.labels_seen) == (FIRST, 2)
    store.computed(stale, short_event(FIRST, revision=2))
    assert store.stale() == []


def test_outcomes_that_join_while_a_window_is_computed_are_not_forgotten(store: DecisionStore) -> None:
    day_of(store, rows=3)
    store.close_due(DAY, DAILY, at_us=0)
    before = key(store)
    put(store, labels=[label("r0")])
    store.computed(before, short_event())
    assert [window.labels_seen for window in store.stale()] == [1]


def test_outcomes_join_count_windows_too(store: DecisionStore) -> None:
    put(store, [decision(name) for name in "abcde"])
    store.close_due_counts(2, at_us=0)
    put(store, labels=[label("b"), label("c"), label("d"), label("e")])
    assert [key(store, f"count-00000{n}").labels_seen for n in (1, 2)] == [1, 2]


@pytest.mark.parametrize("again", [label("r0"), label("r0", defaulted=False)])
def test_an_outcome_that_tells_nothing_new_makes_nothing_stale(store: DecisionStore, again: object) -> None:
    day_of(store, rows=1)
    put(store, labels=[label("r0")])
    store.close_due(DAY, DAILY, at_us=0)
    put(store, labels=[again])  # type: ignore[list-item]
    assert key(store).labels_seen == 0


def test_the_outcome_of_a_late_decision_makes_nothing_stale(store: DecisionStore) -> None:
    put(store, [decision("a"), decision("b", late=True)])
    store.close_due(DAY, DAILY, at_us=0)
    put(store, labels=[label("b")])
    assert key(store).labels_seen == 0


def test_the_highest_revision_of_a_window_stays(store: DecisionStore) -> None:
    day_of(store, rows=1)
    store.close_due(DAY, DAILY, at_us=0)
    store.computed(key(store), short_event(revision=2))
    store.computed(key(store), short_event(revision=1, rows=99))
    (event,) = store.windows()
    assert (event.revision, event.rows) == (2, 3)


def test_a_revision_is_announced_once_and_the_next_one_again(store: DecisionStore) -> None:
    day_of(store, rows=1)
    store.close_due(DAY, DAILY, at_us=0)
    assert store.unpublished() == []
    store.computed(key(store), short_event())
    (waiting,) = store.unpublished()
    assert isinstance(waiting, Unpublished)
    assert (waiting.id, waiting.revision, waiting.record[:10]) == (FIRST, 1, b'{"window":')
    store.published(FIRST, 1, at_us=0)
    assert store.unpublished() == []
    store.computed(key(store), short_event(revision=2))
    assert [window.revision for window in store.unpublished()] == [2]


def test_the_announcement_of_an_older_revision_does_not_stand_for_the_newer(store: DecisionStore) -> None:
    day_of(store, rows=1)
    store.close_due(DAY, DAILY, at_us=0)
    store.computed(key(store), short_event(revision=2))
    store.published(FIRST, 1, at_us=0)
    assert [window.revision for window in store.unpublished()] == [2]


def test_the_last_windows_are_given_oldest_first(store: DecisionStore) -> None:
    put(store, [decision(str(day), day * DAY) for day in range(4)])
    for window_id in store.close_due(4 * DAY, DAILY, at_us=0):
        store.computed(key(store, window_id), short_event(window_id))
    ids = [f"1970-01-0{day}" for day in (1, 2, 3, 4)]
    assert [event.window.id for event in store.windows()] == ids
    assert [event.window.id for event in store.windows(last=2)] == ids[2:]
    assert store.windows(last=0) == []


def test_where_the_report_lies_is_remembered_with_the_window(store: DecisionStore) -> None:
    day_of(store, rows=1)
    store.close_due(DAY, DAILY, at_us=0)
    store.reported(FIRST, "reports/window-1970-01-01.html")
    assert key(store).id == FIRST
