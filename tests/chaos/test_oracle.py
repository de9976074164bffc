"""The oracle finds each kind of violation in hand-made topics, and nothing in sound ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from stream_app.events import Output
from stream_app.steps.deduplicate import DecidedIds
from tests.builders.records import MODEL, NOW, Record, request, toy_pipeline
from tests.chaos.oracle import Kind, Oracle, Partition
from tests.chaos.recompute import Judges

REQUESTS = [
    Record(request(request_id="a"), offset=0, partition=1),
    Record(b"{no json", offset=1, partition=1),
    Record(request(request_id="b"), offset=3, partition=1),  # an offset in between is a transaction's own marker
    Record(request(request_id="a"), offset=4, partition=1),  # the first one again
]
JUDGED = [output for output in toy_pipeline().judge(REQUESTS[:3], NOW).outputs if output is not None]


@dataclass
class Read:
    """An output as a consumer reads it."""

    output: Output
    offset: int

    @property
    def key(self) -> bytes | None:
        return self.output.key

    @property
    def value(self) -> bytes | None:
        return self.output.value

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        return self.output.headers


def sound() -> Partition:
    """Everything as it should be."""
    decisions = [Read(JUDGED[0], 0), Read(JUDGED[2], 2)]
    return Partition(
        number=1,
        requests=REQUESTS,
        decisions=decisions,
        rejections=[Read(JUDGED[1], 0)],
        concurrent={"decisions": [(0, 0), (2, 3)], "rejections": [(0, 1)]},
        acknowledged={0, 1, 3, 4},
        committed=5,
        end=5,
    )


def found(*parts: Partition) -> dict[Kind, int]:
    memory = DecidedIds(100, 1e9)
    oracle = Oracle(Judges({MODEL.version: toy_pipeline(decided_ids=memory)}, memory).recompute)
    for part in parts:
        oracle.judge(part)
    return {kind: count for kind, count in oracle.violations.counts.items() if count}


def with_decisions(*decisions: Read, **changes: Any) -> Partition:
    """Sound but for these decisions, which the concurrent reader saw as well."""
    seen = [(read.offset, int(dict(read.headers)["source-offset"])) for read in decisions]
    return replace(
        sound(), decisions=list(decisions), concurrent={"decisions": seen, "rejections": [(0, 1)]}, **changes
    )


def edited(output: Output, **changes: Any) -> Output:
    value = json.dumps(json.loads(output.value or b"") | changes).encode()
    return Output(output.rejected, output.key, value, output.headers)


def moved(output: Output, offset: int) -> Output:
    """The same output, said to answer another request."""
    headers = [(name, b"%d" % offset if name == "source-offset" else value) for name, value in output.headers]
    return Output(output.rejected, output.key, output.value, headers)


FIRST, LAST = Read(JUDGED[0], 0), Read(JUDGED[2], 2)

BROKEN: Sequence[tuple[Kind, Callable[[], Partition]]] = [
    (Kind.MISSING, lambda: with_decisions(FIRST)),
    (Kind.DOUBLED_SOURCE, lambda: with_decisions(FIRST, Read(edited(JUDGED[0], request_id="c"), 1), LAST)),
    (Kind.DOUBLED_ID, lambda: with_decisions(FIRST, Read(edited(JUDGED[2], request_id="a"), 2))),
    (Kind.ANSWERED_REPEAT, lambda: with_decisions(FIRST, LAST, Read(edited(moved(JUDGED[0], 4), request_id="c"), 3))),
    (Kind.UNSOURCED, lambda: with_decisions(FIRST, LAST, Read(edited(moved(JUDGED[2], 9), request_id="c"), 3))),
    (Kind.DISORDER, lambda: with_decisions(Read(JUDGED[2], 0), Read(JUDGED[0], 2))),
    (Kind.DIFFERENT, lambda: with_decisions(FIRST, Read(edited(JUDGED[2], outcome="refused"), 2))),
    (Kind.VANISHED, lambda: replace(sound(), concurrent={"decisions": [(0, 0), (1, 0)], "rejections": []})),
    (Kind.UNCOMMITTED, lambda: replace(sound(), committed=4)),
    (Kind.UNACKNOWLEDGED, lambda: replace(sound(), acknowledged={0, 1, 2, 3, 4})),
]


def test_sound_topics_have_no_violation() -> None:
    assert found(sound()) == {}


@pytest.mark.parametrize(("kind", "broken"), BROKEN, ids=[kind.name for kind, _ in BROKEN])
def test_each_kind_of_violation_is_found(kind: Kind, broken: Callable[[], Partition]) -> None:
    assert kind in found(broken())


def test_every_kind_has_an_example_here() -> None:
    assert {kind for kind, _ in BROKEN} == set(Kind)


def test_an_id_decided_on_two_partitions_is_doubled() -> None:
    assert found(sound(), sound())[Kind.DOUBLED_ID] == 2


def test_a_decision_on_the_partition_of_another_is_found() -> None:
    misplaced = replace(sound(), number=2)
    assert found(misplaced)[Kind.UNSOURCED] == 3


def test_a_rejection_that_should_have_been_a_decision_is_different() -> None:
    swapped = Output(True, JUDGED[2].key, JUDGED[2].value, JUDGED[2].headers)
    part = with_decisions(FIRST)
    part = replace(part, rejections=[Read(JUDGED[1], 0), Read(swapped, 1)])
    assert found(part) == {Kind.DIFFERENT: 1}


def test_the_model_that_a_decision_names_must_be_one_that_was_in_use() -> None:
    stranger = edited(JUDGED[2], model={"name": "toy", "version": "9", "sha256": "0"})
    assert found(with_decisions(FIRST, Read(stranger, 2)))[Kind.DIFFERENT] == 1


def test_when_it_was_decided_makes_no_difference() -> None:
    later = edited(JUDGED[2], decided_at="2031-01-01T00:00:00Z")
    assert found(with_decisions(FIRST, Read(later, 2))) == {}
