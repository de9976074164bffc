"""Laws of one decision a request id, on arbitrary streams of few ids: it is what a plain loop over the records says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from stream_app.events import Decision, Rejection, RejectionReason
from stream_app.steps.decided import DecidedIds
from stream_app.steps.deduplicate import Repeat
from tests.builders.records import NOW, FormulaScorer, Record, record, request, toy_pipeline

MOST, SECONDS = 3, 60.0
ids = st.sampled_from("abcdef")
moments = st.integers(0, 100).map(lambda seconds: NOW + dt.timedelta(seconds=seconds))
told = st.lists(st.tuples(st.integers(0, 1), ids, st.sampled_from([b"x", b"y"])), max_size=30)


def remembered(memory: DecidedIds, now: dt.datetime) -> dict[tuple[int, str], bytes]:
    found = {(p, i): memory.digest((p, i), now) for p in (0, 1) for i in "abcdef"}
    return {key: digest for key, digest in found.items() if digest is not None}


@given(told, st.lists(moments, max_size=30).map(sorted))
def test_the_memory_is_bounded_and_never_forgets_the_newest(
    decisions: list[tuple[int, str, bytes]], times: list[dt.datetime]
) -> None:
    memory = DecidedIds(MOST, SECONDS)
    said = list(zip(decisions, times, strict=False))
    for (partition, request_id, digest), now in said:
        memory.remember({(partition, request_id): digest}, now)
    last = said[-1][1] if said else NOW
    for partition in (0, 1):
        newest: dict[str, tuple[bytes, dt.datetime]] = {}
        for (of, request_id, digest), now in reversed(said):
            if of == partition:
                newest.setdefault(request_id, (digest, now))
        expected = {
            (partition, request_id): digest
            for request_id, (digest, now) in list(newest.items())[:MOST]
            if (last - now).total_seconds() <= SECONDS
        }
        assert {key: d for key, d in remembered(memory, last).items() if key[0] == partition} == expected
    assert len(memory) <= 2 * MOST


@given(told, st.data())
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


def sent(request_id: str, amount: float | None, partition: int) -> Record:
    features = {"amount": amount, "employees": 1, "home": "own"}
    return record(request(request_id=request_id, features=features), partition=partition)


streams = st.lists(st.builds(sent, ids, st.sampled_from([1.0, 2.0, 666.0, None]), st.integers(0, 1)), max_size=12)


def kinds(batches: Sequence[Sequence[Record]]) -> list[str]:
    """What becomes of the records when they come in these batches, each remembered before the next."""
    memory = DecidedIds(1_000, SECONDS)
    pipeline = toy_pipeline(scorer=BreaksOn666(), decided=memory)
    verdicts = []
    for batch in batches:
        judged = pipeline.judge(batch, NOW)
        memory.remember(judged.decided, NOW)
        assert [output is None for output in judged.outputs] == [isinstance(v, Repeat) for v in judged.verdicts]
        verdicts += judged.verdicts
    return [v.reason if isinstance(v, Rejection) else type(v).__name__ for v in verdicts]


@given(streams)
def test_the_first_sound_request_of_an_id_is_decided_and_the_others_are_measured_by_it(stream: list[Record]) -> None:
    decided: dict[tuple[int, bytes], bytes | None] = {}
    expected = []
    for each in stream:
        value = each.value or b""
        key = each.partition, value.split(b'"request_id": "')[1][:1]
        if key in decided:
            expected.append("Repeat" if decided[key] == value else RejectionReason.CONFLICTING_REQUEST)
        elif b"666" in value:
            expected.append(RejectionReason.INTERNAL_ERROR)
        elif b'"amount": null' in value:
            expected.append(RejectionReason.MISSING_REQUIRED_FEATURE)
        else:
            decided[key] = value
            expected.append(Decision.__name__)
    assert kinds([stream]) == expected


@given(streams, st.data())
def test_a_stream_cut_anywhere_is_judged_like_the_whole(stream: list[Record], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    assert kinds([stream[:cut], stream[cut:]]) == kinds([stream])


@given(streams)
def test_judging_changes_no_memory(stream: list[Record]) -> None:
    memory = DecidedIds(1_000, SECONDS)
    pipeline = toy_pipeline(scorer=BreaksOn666(), decided=memory)
    assert pipeline.judge(stream, NOW).outputs == pipeline.judge(stream, NOW).outputs
    assert len(memory) == 0


@given(streams, st.data())
def test_what_was_decided_just_now_counts_though_it_is_not_remembered_yet(
    stream: list[Record], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    pipeline = toy_pipeline(decided=DecidedIds(1_000, SECONDS))
    first = pipeline.judge(stream[:cut], NOW)
    rest = pipeline.judge(stream[cut:], NOW, earlier=first.decided)
    assert (first + rest).verdicts == pipeline.judge(stream, NOW).verdicts
