"""Records of the decision and outcome topics to rows: what is readable, what is late, and nothing stops the stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring.decode import Clocking, Incoming, read_runs
from monitoring.event_time import EventClock, WindowSize
from monitoring.store import DecisionRow, LabelRow, PartitionOffset

DAY_US = 86_400_000_000
MAY_FIRST_US = 1_177_977_600_000_000
"""2007-05-01T00:00Z."""

CLOCKING = Clocking(WindowSize.parse("1d"), lateness_us=0, not_after_us=MAY_FIRST_US + 30 * DAY_US)


def decision(**changes: Any) -> bytes:
    record = {
        "request_id": "r1",
        "client_id": "c1",
        "requested_at": "2007-05-01T00:00:00Z",
        "decided_at": "2007-05-01T00:00:01+00:00",
        "outcome": "review",
        "probability_of_default": 0.25,
        "policy": {"id": "p"},
        "model": {"name": "m", "version": "v1"},
        "features": {"employees": 3},
    }
    return json.dumps(record | changes, ensure_ascii=False).encode()


def label(**changes: Any) -> bytes:
    record = {"request_id": "r1", "client_id": "c1", "defaulted": True, "observed_at": "2007-05-01T00:00:00Z"}
    return json.dumps(record | changes).encode()


def run(topic: str, values: Sequence[bytes | None], partition: int = 2, offset: int = 40) -> list[Any]:
    return [
        SimpleNamespace(topic=topic, partition=partition, offset=offset + n, value=value)
        for n, value in enumerate(values)
    ]


def decisions(*values: bytes | None, clocks: Mapping[Any, EventClock] | None = None) -> Incoming:
    return read_runs({("d", 2): run("d", values)}, "d", clocks or {}, CLOCKING)


def labels(*values: bytes | None) -> Incoming:
    return read_runs({("o", 2): run("o", values)}, "d", {}, CLOCKING)


def on_day(day: int, **changes: Any) -> bytes:
    return decision(requested_at=f"2007-05-{day:02}T12:00:00Z", **changes)


def lateness(incoming: Incoming) -> list[bool]:
    return [row.late for row in incoming.decisions]


# ---- what is readable ------------------------------------------------------------------------------------------------


def test_a_decision_becomes_a_row_with_its_record_word_for_word() -> None:
    value = decision()
    incoming = decisions(value)
    assert incoming.decisions == [
        DecisionRow(
            "r1", "c1", MAY_FIRST_US, MAY_FIRST_US + 1_000_000, "review", 0.25, "v1", False, value.decode(), 2, 40
        )
    ]
    assert incoming.offsets == {("d", 2): PartitionOffset(41, MAY_FIRST_US)}


def test_an_outcome_becomes_a_row() -> None:
    incoming = labels(label(defaulted=False))
    assert incoming.labels == [LabelRow("r1", "c1", False, MAY_FIRST_US, 2, 40)]
    assert incoming.offsets == {("o", 2): PartitionOffset(41, MAY_FIRST_US)}


BROKEN_DECISIONS = {
    "tombstone": None,
    "empty": b"",
    "no JSON": b"{not json",
    "something behind it": decision() + b"x",
    "not an object": b"[]",
    "no UTF-8 in what is read": decision().replace(b'"r1"', b'"\xff"'),
    "no UTF-8 in what is skipped": decision(features={"state": "?"}).replace(b'"?"', b'"\xff"'),
    "half a surrogate pair": decision().replace(b'"r1"', b'"\\ud800"'),
    "nested without end": decision(features="?").replace(b'"?"', b"[" * 100_000),
    "missing field": decision().replace(b'"outcome"', b'"other"'),
    "no model version": decision(model={}),
    "a text for a model version": decision(model={"version": "v" * 65}),
    "wrong type": decision(probability_of_default="0.25"),
    "no request": decision(request_id=""),
    "naive request time": decision(requested_at="2007-05-01T00:00:00"),
    "naive decision time": decision(decided_at="2007-05-01T00:00:00"),
    "no date": decision(requested_at="2007-02-30T00:00:00Z"),
    "a request before there were any": decision(requested_at="0001-01-01T00:00:00+23:59"),
    "a request of the last day before": decision(requested_at="1899-12-31T23:59:59Z"),
    "no outcome of ours": decision(outcome="perhaps"),
    "no probability": decision(probability_of_default=1.5),
}


@pytest.mark.parametrize("value", BROKEN_DECISIONS.values(), ids=BROKEN_DECISIONS.keys())
def test_a_record_that_is_no_decision_is_counted_and_passed_over_and_its_neighbours_are_not(
    value: bytes | None,
) -> None:
    incoming = decisions(decision(request_id="before"), value, value, decision(request_id="behind"))
    assert [row.request_id for row in incoming.decisions] == ["before", "behind"]
    assert (incoming.unreadable, incoming.first_unreadable) == ({"d": 2}, {"d": (2, 41)})
    assert incoming.offsets == {("d", 2): PartitionOffset(44, MAY_FIRST_US)}


BROKEN_OUTCOMES = {
    "tombstone": None,
    "no JSON": b"{not json",
    "no UTF-8": label().replace(b'"r1"', b'"\xff"'),
    "nested without end": label(more="?").replace(b'"?"', b"[" * 100_000),
    "missing field": label().replace(b'"defaulted"', b'"other"'),
    "a number for the truth": label(defaulted=1),
    "naive time": label(observed_at="2007-05-01T00:00:00"),
}


@pytest.mark.parametrize("value", BROKEN_OUTCOMES.values(), ids=BROKEN_OUTCOMES.keys())
def test_a_record_that_is_no_outcome_is_counted_and_passed_over(value: bytes | None) -> None:
    incoming = labels(value, label())
    assert [row.request_id for row in incoming.labels] == ["r1"]
    assert (incoming.unreadable, incoming.first_unreadable) == ({"o": 1}, {"o": (2, 40)})


def test_a_poll_of_garbage_alone_moves_the_position_and_leaves_the_clock() -> None:
    incoming = decisions(b"?", None, clocks={("d", 2): EventClock(MAY_FIRST_US)})
    assert incoming.decisions == []
    assert incoming.offsets == {("d", 2): PartitionOffset(42, MAY_FIRST_US)}


def test_a_nul_in_a_text_is_no_reason_to_pass_a_decision_over() -> None:
    [row] = decisions(decision(request_id="a\0b")).decisions
    assert (row.request_id, json.loads(row.record)["request_id"]) == ("a\0b", "a\0b")


def test_fields_nobody_knows_are_kept_in_the_record() -> None:
    [row] = decisions(decision(added_later=7)).decisions
    assert json.loads(row.record)["added_later"] == 7


def test_times_with_an_offset_are_taken_in_utc() -> None:
    [row] = decisions(decision(requested_at="2007-05-01T02:00:00+02:00")).decisions
    assert row.requested_at_us == MAY_FIRST_US


# ---- event time ------------------------------------------------------------------------------------------------------


def test_a_decision_is_late_by_what_came_before_it_in_its_partition() -> None:
    assert lateness(decisions(on_day(1), on_day(3), on_day(2), on_day(3))) == [False, False, True, False]


def test_the_clock_goes_on_where_the_store_knows_the_partition_to_be() -> None:
    clocks = {("d", 2): EventClock(MAY_FIRST_US + 2 * DAY_US), ("d", 3): EventClock(MAY_FIRST_US + 9 * DAY_US)}
    assert lateness(decisions(on_day(1), on_day(3), clocks=clocks)) == [True, False]


def test_one_poll_or_many_the_same_decisions_are_late() -> None:
    values = [on_day(day) for day in (1, 4, 2, 5, 4, 3, 6)]
    clocks: dict[Any, EventClock] = {}
    one_by_one: list[bool] = []
    for value in values:
        incoming = decisions(value, clocks=clocks)
        clocks = {place: EventClock(position.latest_us) for place, position in incoming.offsets.items()}
        one_by_one += lateness(incoming)
    assert one_by_one == lateness(decisions(*values)) == [False, False, True, False, True, True, False]


def test_partitions_of_one_poll_have_a_clock_each() -> None:
    runs = {("d", 0): run("d", [on_day(9)], partition=0), ("d", 1): run("d", [on_day(1)], partition=1)}
    incoming = read_runs(runs, "d", {}, CLOCKING)
    assert lateness(incoming) == [False, False]


def test_a_decision_from_the_future_is_in_no_window_and_moves_no_clock() -> None:
    incoming = decisions(on_day(1), decision(requested_at="2099-01-01T00:00:00Z"), on_day(1))
    assert (lateness(incoming), incoming.ahead) == ([False, True, False], 1)
    assert incoming.offsets["d", 2].latest_us == MAY_FIRST_US + DAY_US // 2
