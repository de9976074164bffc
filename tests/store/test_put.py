"""Putting records in: once whatever comes twice, all or nothing, outcomes joined in either order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from monitoring.event_time import WindowSize
from monitoring.store import Counts, DecisionStore, PartitionOffset, Stored
from stream_app.errors import StoreError
from tests.builders.store_rows import DAILY, DAY, HOUR, decision, label, put


def test_a_decision_comes_out_as_it_was_on_the_topic(store: DecisionStore) -> None:
    record = '{"request_id":"é","reasons":[ ],"features":{"state":"\\u0000"}}'
    put(store, [decision("é", record=record)])
    assert store.decision("é") == record.encode()
    assert store.decision("unknown") is None


def test_what_a_put_did_is_told_in_numbers(store: DecisionStore) -> None:
    stored = put(store, [decision("a"), decision("b", late=True)], [label("a"), label("z")])
    assert stored == Stored(decisions_new=2, late=1, labels_new=2, labels_pending=1)
    assert store.counts() == Counts(decisions=2, late=1, labels=2, labels_pending=1, contradictions=0, windows=0)


def test_the_same_put_again_changes_nothing(store: DecisionStore) -> None:
    decisions = [decision("a"), decision("b", late=True)]
    outcomes = [label("a"), label("z"), label("a", defaulted=False)]
    put(store, decisions, outcomes, {("t", 0): PartitionOffset(2, 5)})
    before = (store.counts(), store.offsets(), store.rows_between(0, DAY).records)
    assert put(store, decisions, outcomes, {("t", 0): PartitionOffset(2, 5)}) == Stored(
        decisions_known=2, labels_repeated=3, labels_pending=1
    )
    assert (store.counts(), store.offsets(), store.rows_between(0, DAY).records) == before


def test_the_first_decision_on_a_request_stays(store: DecisionStore) -> None:
    first, second = decision("a", record="first"), decision("a", record="second")
    assert put(store, [first, second]) == Stored(decisions_new=1, decisions_known=1)
    assert put(store, [second]) == Stored(decisions_known=1)
    assert store.decision("a") == b"first"


def test_an_empty_put_is_no_trouble(store: DecisionStore) -> None:
    assert put(store) == Stored()


def test_more_rows_than_one_query_binds_are_put_in_one_go(store: DecisionStore) -> None:
    count = 25_000
    stored = put(store, [decision(str(n)) for n in range(count)], [label(str(n)) for n in range(count)])
    assert stored == Stored(decisions_new=count, labels_new=count)


# ---- outcomes -------------------------------------------------------------------------------------------------------


def test_an_outcome_without_its_decision_waits_and_joins_when_that_arrives(store: DecisionStore) -> None:
    assert put(store, labels=[label("a"), label("b")]).labels_pending == 2
    assert put(store, [decision("a"), decision("c")]).labels_pending == 1
    assert store.rows_between(0, 1).defaulted.tolist()[0] == 1.0
    assert put(store, [decision("b")]).labels_pending == 0


def test_an_outcome_and_its_decision_in_one_put_join(store: DecisionStore) -> None:
    assert put(store, [decision("a")], [label("a", defaulted=False)]).labels_pending == 0
    assert store.rows_between(0, 1).defaulted.tolist() == [0.0]


def test_an_outcome_said_twice_is_kept_once(store: DecisionStore) -> None:
    put(store, [decision("a")], [label("a")])
    later = label("a", at_us=901 * DAY)
    assert put(store, labels=[later, later]) == Stored(labels_repeated=2)
    assert store.counts().labels == 1


def test_a_contradicting_outcome_is_kept_aside_and_the_first_stays(store: DecisionStore) -> None:
    put(store, [decision("a")], [label("a", defaulted=True)])
    against = label("a", defaulted=False)
    assert put(store, labels=[against, against]) == Stored(labels_contradicting=1, labels_repeated=1)
    assert store.rows_between(0, 1).defaulted.tolist() == [1.0]
    assert store.counts().contradictions == 1


def test_a_contradiction_within_one_put_is_one_too(store: DecisionStore) -> None:
    stored = put(store, labels=[label("a", defaulted=False), label("a", defaulted=True)])
    assert stored == Stored(labels_new=1, labels_contradicting=1, labels_pending=1)


def test_an_outcome_of_another_client_is_kept_aside_and_joins_nothing(store: DecisionStore) -> None:
    other = label("a", client_id="other")
    assert put(store, [decision("a")], [other, other]) == Stored(
        decisions_new=1, labels_of_other_clients=1, labels_repeated=1
    )
    assert np.isnan(store.rows_between(0, 1).defaulted).all()
    assert (store.counts().labels, store.counts().contradictions) == (0, 1)
    assert put(store, labels=[label("a")]) == Stored(labels_new=1)
    assert store.rows_between(0, 1).defaulted.tolist() == [1.0]


def test_an_early_outcome_of_another_client_is_kept_aside_when_its_decision_comes(store: DecisionStore) -> None:
    assert put(store, labels=[label("a", client_id="other")]) == Stored(labels_new=1, labels_pending=1)
    assert put(store, [decision("a")]) == Stored(decisions_new=1, labels_of_other_clients=1)
    assert np.isnan(store.rows_between(0, 1).defaulted).all()
    assert (store.counts().labels, store.counts().labels_pending, store.counts().contradictions) == (0, 0, 1)


@pytest.mark.parametrize("right_first", [True, False])
def test_of_early_outcomes_the_one_of_the_requests_client_counts(store: DecisionStore, right_first: bool) -> None:
    early = [label("a", defaulted=False), label("a", client_id="other")]
    put(store, labels=early if right_first else early[::-1])
    put(store, [decision("a")])
    assert store.rows_between(0, 1).defaulted.tolist() == [0.0]
    assert (store.counts().labels, store.counts().labels_pending, store.counts().contradictions) == (1, 0, 1)


# ---- positions ------------------------------------------------------------------------------------------------------


def test_positions_are_kept_by_topic_and_partition(store: DecisionStore) -> None:
    positions = {
        ("d", 0): PartitionOffset(5, 77),
        ("d", 1): PartitionOffset(0, None),
        ("o", 0): PartitionOffset(2**40, -5),
    }
    put(store, offsets=positions)
    assert store.offsets() == positions


def test_a_position_never_goes_back(store: DecisionStore) -> None:
    put(store, offsets={("d", 0): PartitionOffset(5, 77)})
    put(store, offsets={("d", 0): PartitionOffset(3, None)})
    assert store.offsets() == {("d", 0): PartitionOffset(5, 77)}
    put(store, offsets={("d", 0): PartitionOffset(6, 70)})
    assert store.offsets() == {("d", 0): PartitionOffset(6, 77)}


def test_a_put_that_fails_leaves_nothing_of_itself(store: DecisionStore) -> None:
    bad = label("b")._replace(observed_at_us=None)  # type: ignore[arg-type]
    with pytest.raises(StoreError) as told:
        put(store, [decision("secret-request")], [bad], {("d", 0): PartitionOffset(5, 77)})
    assert "secret-request" not in str(told.value)
    assert (store.counts().decisions, store.offsets()) == (0, {})
    assert put(store, [decision("a")]).decisions_new == 1


# ---- odd input ------------------------------------------------------------------------------------------------------


def test_a_nul_in_a_text_is_shown_as_its_symbol_on_both_engines(store: DecisionStore) -> None:
    odd = decision("a\0b", client_id="\0", record='{"x":"\0"}')
    assert put(store, [odd], [label("a\0b", client_id="\0")]) == Stored(decisions_new=1, labels_new=1)
    assert store.decision("a\0b") == '{"x":"␀"}'.encode()
    assert put(store, [odd]).decisions_known == 1


@pytest.mark.parametrize("request_id", ["'; DROP TABLE decisions; --", "%s", "?1", ":x", "\\", '"', "🏦", "x" * 128])
def test_any_request_id_is_only_a_text(store: DecisionStore, request_id: str) -> None:
    put(store, [decision(request_id, record="{}")], [label(request_id)])
    assert store.decision(request_id) == b"{}"
    assert store.counts().labels_pending == 0


def test_ids_that_differ_in_case_or_by_a_blank_are_different(store: DecisionStore) -> None:
    assert put(store, [decision("a"), decision("A"), decision("a "), decision("á")]).decisions_new == 4


# ---- windows that are closed ----------------------------------------------------------------------------------------


def test_a_decision_for_a_closed_window_is_late_whatever_its_partition_thinks(store: DecisionStore) -> None:
    put(store, [decision("a", HOUR)])
    store.close_due(DAY, DAILY, at_us=0)
    assert put(store, [decision("b", 2 * HOUR), decision("c", DAY)]) == Stored(decisions_new=2, late=1)
    assert store.rows_between(0, DAY).total == 1


def test_a_store_keeps_the_window_size_it_began_with(store: DecisionStore) -> None:
    put(store, [decision("a")])
    monthly = WindowSize.parse("1mo")
    with pytest.raises(StoreError, match=r"windows of 1d, and 1mo.*STREAM_APP_WINDOW"):
        put(store, [decision("b")], size=monthly)
    with pytest.raises(StoreError, match="windows of 1d, and 1mo"):
        store.close_due(DAY, monthly, at_us=0)
    assert put(store, [decision("b")], size=WindowSize.parse("24h")).decisions_new == 1


# ---- several at once ------------------------------------------------------------------------------------------------


def test_threads_that_put_the_same_records_at_once_store_them_once(url: str) -> None:
    with DecisionStore.open(url, wait_seconds=60) as store, ThreadPoolExecutor(4) as threads:
        batches = [[decision(f"r{n}") for n in range(start, start + 50)] for start in range(0, 1000, 50)] * 3
        stored = list(threads.map(lambda batch: put(store, batch, [label(row.request_id) for row in batch]), batches))
        assert sum(each.decisions_new for each in stored) == 1000
        assert sum(each.labels_new for each in stored) == 1000
        assert store.counts().labels_pending == 0


def test_two_monitors_may_share_a_store(url: str) -> None:
    with DecisionStore.open(url) as one, DecisionStore.open(url) as other:
        put(one, [decision("a")], offsets={("d", 0): PartitionOffset(1, 5)})
        put(other, [decision("b")], [label("a")], offsets={("d", 1): PartitionOffset(1, 6)})
        assert one.counts() == other.counts()
        assert one.offsets() == {("d", 0): PartitionOffset(1, 5), ("d", 1): PartitionOffset(1, 6)}
