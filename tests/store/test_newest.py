"""What the gateway asks of the store: decisions by their requests, and what came last."""

from __future__ import annotations

from monitoring.store import DecisionStore
from tests.builders.drift_events import short_event
from tests.builders.store_rows import DAILY, DAY, decision, put


def test_decisions_are_found_by_their_requests_and_unknown_ones_are_not(store: DecisionStore) -> None:
    put(store, [decision("a"), decision("b"), decision("\0")])
    found = store.decisions(["b", "nobody", "\0"])
    assert found.keys() == {"b", "\0"}
    assert found["b"] == b'{"request_id":"b"}'
    assert store.decisions([]) == {}


def test_more_requests_than_one_query_takes_are_found_all_the_same(store: DecisionStore) -> None:
    names = [f"r{n}" for n in range(40_000)]
    put(store, [decision(name) for name in names[::4]])
    assert len(store.decisions(names)) == 10_000


def test_the_newest_records_come_newest_first(store: DecisionStore) -> None:
    put(store, [decision(name) for name in "abc"])
    assert store.newest_records(2) == [b'{"request_id":"c"}', b'{"request_id":"b"}']


def test_the_newest_scores_come_oldest_first_and_only_those_beyond_what_is_known(store: DecisionStore) -> None:
    put(
        store,
        [decision(name, probability_of_default=score) for name, score in zip("abc", (0.1, 0.2, 0.3), strict=True)],
    )
    seq, scores = store.newest_scores(0, 2)
    assert scores == [0.2, 0.3]
    assert store.newest_scores(seq, 2) == (seq, [])
    put(store, [decision("d", probability_of_default=0.4)])
    assert store.newest_scores(seq, 2)[1] == [0.4]


def test_outcomes_are_counted_once_each_however_the_counting_is_cut(store: DecisionStore) -> None:
    put(store, [decision(f"r{n}", outcome=("approved", "refused")[n % 2]) for n in range(5)])
    first_to, first = store.outcomes_after(0, 3)
    last_to, rest = store.outcomes_after(first_to, 3)
    assert (first, rest) == ({"approved": 2, "refused": 1}, {"approved": 1, "refused": 1})
    assert store.outcomes_after(last_to, 3) == (last_to, {})


def test_outcomes_of_a_store_that_begins_anew_are_known_by_the_lower_number(store: DecisionStore) -> None:
    assert store.outcomes_after(99, 3) == (0, {})


def test_the_stamp_of_the_windows_changes_when_one_closes_and_when_one_is_computed(store: DecisionStore) -> None:
    stamps = [store.windows_stamp()]
    put(store, [decision("a")])
    store.close_due(DAY, DAILY, at_us=0)
    stamps.append(store.windows_stamp())
    [key] = store.uncomputed()
    for revision in (1, 2):
        store.computed(key, short_event(revision=revision))
        stamps.append(store.windows_stamp())
    assert len(set(stamps)) == 4
