"""Reading decisions out: the timely ones, in an order that does not depend on how they arrived."""

from __future__ import annotations

import contextlib
import math
import random

import numpy as np
import pytest

from monitoring.store import DecisionStore, Rows, WindowKey
from monitoring.store.open import open_connection
from monitoring.store.queries import counts
from stream_app.errors import StoreError
from tests.builders.store_rows import DAILY, DAY, HOUR, decision, label, put


def ids(rows: Rows) -> list[str]:
    return [record.split('"')[3] for record in rows.records]


def test_a_window_gives_its_timely_decisions_in_columns_with_what_became_of_them(store: DecisionStore) -> None:
    put(
        store,
        [
            decision("b", HOUR, outcome="refused", probability_of_default=0.75, model_version="v2"),
            decision("a", 0),
            decision("late", HOUR, late=True),
            decision("tomorrow", DAY),
        ],
        [label("b", defaulted=True), label("tomorrow")],
    )
    store.close_due(DAY, DAILY, at_us=0)
    (window,) = store.uncomputed()
    rows = store.rows_of(window)
    assert (ids(rows), rows.outcome, rows.model_version) == (["a", "b"], ["approved", "refused"], ["v1", "v2"])
    assert (rows.late, rows.total) == (1, 2)
    assert rows.probability.dtype == np.float64
    assert rows.probability.tolist() == [0.25, 0.75]
    assert math.isnan(rows.defaulted[0])
    assert rows.defaulted[1] == 1.0


def test_no_decisions_are_empty_columns(store: DecisionStore) -> None:
    rows = store.rows_between(0, DAY)
    assert (rows.records, rows.outcome, rows.total, rows.late) == ([], [], 0, 0)
    assert rows.probability.shape == rows.defaulted.shape == (0,)
    assert rows.probability.dtype == rows.defaulted.dtype == np.float64


def test_a_range_holds_its_start_and_not_its_end(store: DecisionStore) -> None:
    put(store, [decision("a", 5), decision("b", 9)])
    assert ids(store.rows_between(5, 9)) == ["a"]


def test_rows_come_in_one_order_however_they_arrived(store: DecisionStore) -> None:
    rows = [decision(f"r{n:02d}", at_us=n % 3) for n in range(20)]
    for row in random.Random(7).sample(rows, len(rows)):
        put(store, [row])
    assert ids(store.rows_between(0, DAY)) == [f"r{n:02d}" for at in range(3) for n in range(20) if n % 3 == at]


def test_a_reader_sees_one_state_whatever_is_written_or_removed_meanwhile(store: DecisionStore, url: str) -> None:
    """Or a window whose decisions are being removed would be told of half of them."""
    put(store, [decision("a")])
    with contextlib.closing(open_connection(url, read_only=True)) as connection, connection.reading() as db:
        assert counts(db).decisions == 1
        put(store, [decision("b")])
        assert counts(db).decisions == 1


def test_ids_are_ordered_by_their_bytes_on_both_engines(store: DecisionStore) -> None:
    put(store, [decision(name) for name in ("b", "B", "é", "a", "_", "10", "9")])
    assert ids(store.rows_between(0, DAY)) == ["10", "9", "B", "_", "a", "b", "é"]


def test_a_limit_takes_evenly_chosen_rows_and_tells_how_many_there_are(store: DecisionStore) -> None:
    put(store, [decision(f"r{n:02d}", at_us=n) for n in range(10)])
    rows = store.rows_between(0, DAY, limit=4)
    assert (ids(rows), rows.total) == (["r00", "r02", "r05", "r07"], 10)
    assert ids(store.rows_between(0, DAY, limit=10)) == ids(store.rows_between(0, DAY))


def test_a_limit_above_what_one_query_binds_works(store: DecisionStore) -> None:
    put(store, [decision(f"r{n:05d}", at_us=n) for n in range(12_000)])
    rows = store.rows_between(0, DAY, limit=11_000)
    assert len(rows.records) == 11_000
    assert ids(rows) == sorted(ids(rows))


def test_a_count_window_gives_its_rows_in_order_of_arrival(store: DecisionStore) -> None:
    put(store, [decision("b", 9), decision("x", late=True), decision("a", 1), decision("c", 5)])
    store.close_due_counts(3, at_us=0)
    (window,) = store.uncomputed()
    assert ids(store.rows_of(window)) == ["b", "a", "c"]
    assert ids(store.rows_of(window, limit=2)) == ["b", "a"]


def test_a_reader_sees_what_the_writer_put_meanwhile_and_cannot_write(store: DecisionStore, url: str) -> None:
    with DecisionStore.open(url, read_only=True) as reader:
        put(store, [decision("a")])
        assert reader.counts().decisions == 1
        with pytest.raises(StoreError):
            put(reader, [decision("b")])
    assert store.counts().decisions == 1


@pytest.mark.parametrize("kind", ["time", "count"])
def test_a_window_without_rows_is_empty(store: DecisionStore, kind: str) -> None:
    assert store.rows_of(WindowKey("none", kind, 0, DAY, 1, 5, 0)).total == 0  # type: ignore[arg-type]
