"""Retention: old decisions go window by window once they are judged, window records stay."""

from __future__ import annotations

import pytest

from monitoring.store import Counts, DecisionStore, WindowKey
from stream_app.errors import StoreError
from tests.builders.drift_events import short_event
from tests.builders.store_rows import DAILY, DAY, HOUR, day_of, decision, label, put


def close(store: DecisionStore, days: int, compute: bool = True) -> list[WindowKey]:
    """Close these days, and compute each."""
    store.close_due(days * DAY, DAILY, at_us=0)
    keys = store.uncomputed()
    for key in keys if compute else []:
        store.computed(key, short_event(key.id))
    return keys


def remaining(store: DecisionStore) -> int:
    return store.counts().decisions


def test_decisions_of_old_windows_go_with_their_outcomes_and_the_windows_stay(store: DecisionStore) -> None:
    day_of(store, rows=3, day=0, name="old")
    day_of(store, rows=2, day=1, name="new")
    put(store, [decision("late", 0, late=True)], [label("old0"), label("new0")])
    close(store, days=2)
    assert store.remove_before(DAY) == 4
    assert store.remove_before(DAY) == 0
    assert store.counts() == Counts(decisions=2, late=0, labels=1, labels_pending=0, contradictions=0, windows=2)
    assert [event.window.id for event in store.windows()] == ["1970-01-01", "1970-01-02"]


def test_a_window_goes_as_a_whole(store: DecisionStore) -> None:
    day_of(store, rows=3)
    close(store, days=1)
    assert store.remove_before(DAY - 1) == 0
    assert store.remove_before(DAY) == 3


def test_an_open_window_keeps_its_decisions_however_old(store: DecisionStore) -> None:
    day_of(store, rows=3)
    assert store.remove_before(99 * DAY) == 0


def test_a_window_that_is_not_computed_keeps_its_decisions_and_those_after_it(store: DecisionStore) -> None:
    day_of(store, rows=3, day=0)
    day_of(store, rows=3, day=1, name="next")
    first, second = close(store, days=2, compute=False)
    store.computed(second, short_event(second.id))
    assert store.remove_before(99 * DAY) == 0
    store.computed(first, short_event(first.id))
    assert store.remove_before(99 * DAY) == 6


def test_a_window_whose_outcomes_are_to_be_counted_keeps_its_decisions_until_then(store: DecisionStore) -> None:
    day_of(store, rows=3)
    close(store, days=1)
    put(store, labels=[label("r0")])
    assert store.remove_before(99 * DAY) == 0
    (stale,) = store.stale()
    store.computed(stale, short_event(stale.id, revision=2))
    assert store.remove_before(99 * DAY) == 3


def test_a_count_window_that_is_not_computed_keeps_its_decisions(store: DecisionStore) -> None:
    day_of(store, rows=3)
    close(store, days=1)
    store.close_due_counts(2, at_us=0)
    assert store.remove_before(99 * DAY) == 0
    (key,) = store.uncomputed()
    store.computed(key, short_event(key.id))
    assert store.remove_before(99 * DAY) == 3


def test_it_goes_in_steps_of_a_stated_size(store: DecisionStore) -> None:
    day_of(store, rows=5)
    close(store, days=1)
    assert [store.remove_before(DAY, most=2) for _ in range(4)] == [2, 2, 1, 0]


def test_a_window_that_lost_decisions_is_never_computed_again(store: DecisionStore) -> None:
    day_of(store, rows=5)
    (key,) = close(store, days=1)
    store.remove_before(DAY, most=2)
    put(store, labels=[label("r3"), label("r4")])
    assert store.stale() == []
    with pytest.raises(StoreError, match="retention"):
        store.rows_of(key)
    assert remaining(store) == 3
    assert store.remove_before(DAY) == 3


def test_decisions_about_to_go_are_in_no_new_count_window_and_hold_nothing_back(store: DecisionStore) -> None:
    day_of(store, rows=3, day=0, name="old")
    day_of(store, rows=2, day=1, name="new")
    close(store, days=2)
    assert store.remove_before(DAY, most=2) == 2
    assert store.close_due_counts(2, at_us=0) == ["count-000001"]
    (key,) = store.uncomputed()
    assert key.start_us == DAY
    store.computed(key, short_event(key.id))
    assert [store.remove_before(2 * DAY) for _ in range(2)] == [3, 0]


def test_outcomes_that_wait_in_vain_go_when_they_are_old(store: DecisionStore) -> None:
    put(store, labels=[label("a", at_us=HOUR), label("b", at_us=DAY)])
    assert store.remove_before(DAY) == 1
    assert (store.counts().labels, store.counts().labels_pending) == (1, 1)


def test_contradictions_go_when_they_are_old(store: DecisionStore) -> None:
    put(store, labels=[label("a", at_us=5 * DAY), label("a", defaulted=False, at_us=HOUR)])
    store.remove_before(DAY)
    assert store.counts().contradictions == 0


def test_a_removed_decision_that_is_read_again_is_late_and_in_no_window(store: DecisionStore) -> None:
    day_of(store, rows=1)
    close(store, days=1)
    store.remove_before(DAY)
    assert put(store, [decision("r0", 0)]).late == 1
    assert store.close_due(DAY, DAILY, at_us=0) == []
    assert store.remove_before(DAY) == 1


def test_arrival_numbers_are_never_given_again(store: DecisionStore) -> None:
    """Or a count window could hold rows twice."""
    put(store, [decision("a"), decision("b")])
    close(store, days=1)
    store.close_due_counts(2, at_us=0)
    store.computed(store.uncomputed()[0], short_event("count-000001"))
    store.remove_before(DAY)
    put(store, [decision("c", DAY), decision("d", DAY)])
    assert store.close_due_counts(2, at_us=0) == ["count-000002"]
    (key,) = store.uncomputed()
    assert (key.first_seq, key.last_seq) == (3, 4)
