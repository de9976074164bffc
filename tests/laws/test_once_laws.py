"""Laws of one decision a request id, on arbitrary streams of few ids: a plain loop over the records gives the same."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.events import Decision, Output, Rejection, RejectionReason
from stream_app.pipeline import Pipeline
from stream_app.steps.deduplicate import DecidedIds, Repeat
from tests.builders.records import NOW, FormulaScorer, Profiles, Record, request, toy_pipeline

MOST, SECONDS = 3, 60.0
ids = st.sampled_from("abcdef")
moments = st.integers(0, 100).map(lambda seconds: NOW + dt.timedelta(seconds=seconds))
decisions_made = st.lists(st.tuples(st.integers(0, 1), ids, st.sampled_from([b"x", b"y"])), max_size=30)


def remembered(memory: DecidedIds, now: dt.datetime) -> dict[tuple[int, str], bytes]:
    found = {(p, i): memory.fingerprint((p, i), now) for p in (0, 1) for i in "abcdef"}
    return {key: digest for key, digest in found.items() if digest is not None}


@given(decisions_made, st.lists(moments, max_size=30).map(sorted))
def test_the_memory_is_bounded_and_never_forgets_the_newest(
    decisions: list[tuple[int, str, bytes]], times: list[dt.datetime]
) -> None:
    memory = DecidedIds(MOST, SECONDS)
    timed = list(zip(decisions, times, strict=False))
    for (partition, request_id, content), now in timed:
        memory.remember({(partition, request_id): content}, now)
    last = timed[-1][1] if timed else NOW
    for partition in (0, 1):
        newest: dict[str, tuple[bytes, dt.datetime]] = {}
        for (decided_in, request_id, content), now in reversed(timed):
            if decided_in == partition:
                newest.setdefault(request_id, (content, now))
        expected = {
            (partition, request_id): content
            for request_id, (content, now) in list(newest.items())[:MOST]
            if (last - now).total_seconds() <= SECONDS
        }
        assert {key: d for key, d in remembered(memory, last).items() if key[0] == partition} == expected
    assert len(memory) <= 2 * MOST


@given(decisions_made, st.data())
def test_one_by_one_or_in_batches_the_memory_is_the_same(
    decisions: list[tuple[int, str, bytes]], data: st.DataObject
) -> None:
    alone, together = DecidedIds(MOST, SECONDS), DecidedIds(MOST, SECONDS)
    unique = {(partition, request_id): digest for partition, request_id, digest in decisions}
    for key, digest in unique.items():
        alone.remember({key: digest}, NOW)
    items = list(unique.items())
    cut = data.draw(st.integers(0, len(items)))
    together.remember(dict(items[:cut]), NOW)
    together.remember(dict(items[cut:]), NOW)
    assert remembered(alone, NOW) == remembered(together, NOW)


class BreaksOn666(FormulaScorer):
    """A bug on one input."""

    def probability_of_default(self, matrix: object) -> object:
        if (matrix[:, 0] == 666).any():  # type: ignore[index]
            raise ZeroDivisionError
        return super().probability_of_default(matrix)


NO_JSON = b"no JSON"
CLIENTS: dict[str, dict[str, Any]] = {
    "complete": {"amount": 9.0, "home": "rent"},
    "no amount": {"home": "own"},
    "invalid": {"amount": -5},
}


def a_record(client_id: str, request_id: str, features: dict[str, object], partition: int, written: int) -> Record:
    """``written``: the same content may be written in more than one way."""
    value = json.dumps(json.loads(request(client_id, request_id=request_id, features=features)), indent=written)
    return Record(value.encode(), key=client_id.encode(), partition=partition)


features = st.fixed_dictionaries(
    {}, optional={"amount": st.sampled_from([1.0, 2.0, 666.0, None]), "employees": st.just(1), "home": st.just("own")}
)
requests = st.builds(
    a_record, st.sampled_from([*CLIENTS, "unknown"]), ids, features, st.integers(0, 1), st.integers(0, 1)
)
streams = st.lists(requests | st.just(Record(NO_JSON)), max_size=12)


def a_pipeline(memory: DecidedIds | None = None) -> Pipeline:
    return toy_pipeline(scorer=BreaksOn666(), profiles=Profiles(CLIENTS), decided_ids=memory)


class OneAtATime:
    """The rule as a plain loop: each record is judged alone, and compared with the decisions made so far."""

    def __init__(self) -> None:
        self.pipeline = a_pipeline()
        self.decided: dict[tuple[int, str], object] = {}

    def judge(self, record: Record) -> Output | str | None:
        """The output; a conflict by its name, None for a repeat."""
        alone = self.pipeline.judge([record], NOW)
        content = {} if record.value == NO_JSON else json.loads(record.value or b"")
        key = record.partition, content.get("request_id", "")
        if key in self.decided:
            return None if self.decided[key] == content else RejectionReason.CONFLICTING_REQUEST
        if isinstance(alone.verdicts[0], Decision):
            self.decided[key] = content
        return alone.outputs[0]


def judged_in(batches: Sequence[Sequence[Record]]) -> list[Output | str | None]:
    """The same of records that come in these batches, each remembered before the next."""
    memory = DecidedIds(1_000, SECONDS)
    pipeline = a_pipeline(memory)
    outputs: list[Output | str | None] = []
    for batch in batches:
        judged = pipeline.judge(batch, NOW)
        memory.remember(judged.decided, NOW)
        assert [output is None for output in judged.outputs] == [isinstance(v, Repeat) for v in judged.verdicts]
        reasons = [verdict.reason if isinstance(verdict, Rejection) else "" for verdict in judged.verdicts]
        conflict = RejectionReason.CONFLICTING_REQUEST
        outputs += [conflict if reason == conflict else o for reason, o in zip(reasons, judged.outputs, strict=True)]
    return outputs


@settings(max_examples=1_000)
@given(streams)
def test_a_batch_is_judged_as_if_its_records_came_one_at_a_time(stream: list[Record]) -> None:
    model = OneAtATime()
    assert judged_in([stream]) == [model.judge(record) for record in stream]


@given(streams, st.data())
def test_a_stream_cut_anywhere_is_judged_like_the_whole(stream: list[Record], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    assert judged_in([stream[:cut], stream[cut:]]) == judged_in([stream])


@given(streams)
def test_ids_are_remembered_in_the_order_of_their_records(stream: list[Record]) -> None:
    """So is what a restart reads back from the topic: a full memory drops the same ids before and after it."""
    judged = a_pipeline(DecidedIds(1_000, SECONDS)).judge(stream, NOW)
    pairs = zip(stream, judged.verdicts, strict=True)
    assert list(judged.decided) == [(r.partition, v.request_id) for r, v in pairs if isinstance(v, Decision)]


@given(streams)
def test_judging_changes_no_memory(stream: list[Record]) -> None:
    memory = DecidedIds(1_000, SECONDS)
    pipeline = a_pipeline(memory)
    assert pipeline.judge(stream, NOW).outputs == pipeline.judge(stream, NOW).outputs
    assert len(memory) == 0


@given(streams, st.data())
def test_what_was_decided_just_now_counts_though_it_is_not_remembered_yet(
    stream: list[Record], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    pipeline = a_pipeline(DecidedIds(1_000, SECONDS))
    first = pipeline.judge(stream[:cut], NOW)
    rest = pipeline.judge(stream[cut:], NOW, earlier=first.decided)
    assert (first + rest).verdicts == pipeline.judge(stream, NOW).verdicts


@given(streams)
def test_a_batch_looks_no_client_up_twice_and_asks_the_store_once_whatever_is_in_it(stream: list[Record]) -> None:
    profiles = Profiles(CLIENTS)
    toy_pipeline(scorer=BreaksOn666(), profiles=profiles, decided_ids=DecidedIds(1_000, SECONDS)).judge(stream, NOW)
    assert len(profiles.asked) <= 1


def lines_run(records: int) -> int:
    """Lines of Python that judging so many rejected repeats of one id takes: a measure no busy machine changes."""
    batch = [a_record("unknown", "a", {}, 0, 0) for _ in range(records)]
    pipeline = a_pipeline(DecidedIds(1_000, SECONDS))
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        pipeline.judge(batch, NOW)
    finally:
        sys.settrace(before)
    return count


def test_twice_as_many_rejected_repeats_of_one_id_take_twice_the_work() -> None:
    assert lines_run(512) / lines_run(256) == pytest.approx(2.0, rel=0.1)
