"""The oracle: what must be true of the topics when everything is answered, whatever happened meanwhile.

Pure: values in, violations out. Each input partition is judged by itself, since its outputs lie on the output partition
of the same number; ids are remembered over all of them.
"""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.chaos.recompute import Recompute, same
from tests.servers.deployment import source_of


class Kind(enum.StrEnum):
    """What can be wrong."""

    MISSING = "missing"
    DOUBLED_SOURCE = "doubled source"
    DOUBLED_ID = "doubled id"
    ANSWERED_REPEAT = "answered repeat"
    UNSOURCED = "unsourced"
    DISORDER = "disorder"
    DIFFERENT = "different"
    VANISHED = "vanished"
    UNCOMMITTED = "uncommitted"
    UNACKNOWLEDGED = "acknowledged but not there"


EXAMPLES = 5


@dataclass
class Violations:
    """How many of each kind, and the first few of each in words."""

    counts: Counter[Kind] = field(default_factory=Counter)
    examples: dict[Kind, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, kind: Kind, example: str) -> None:
        self.counts[kind] += 1
        if len(self.examples[kind]) < EXAMPLES:
            self.examples[kind].append(example)

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return "\n".join(f"{n} {kind}: " + "; ".join(self.examples[kind]) for kind, n in self.counts.items()) or "none"


@dataclass(frozen=True, kw_only=True)
class Partition:
    """Everything known of one input partition after the run.

    ``requests``, ``decisions``, ``rejections``: records in offset order as a reader afterwards sees them.
    ``concurrent``: (offset, source offset) pairs by output topic, decisions first, as a reader saw them meanwhile.
    ``acknowledged``: offsets the producer was told. ``committed``, ``end``: of the consumer group and of the log.
    """

    number: int
    requests: Sequence[Any]
    decisions: Sequence[Any]
    rejections: Sequence[Any]
    concurrent: Mapping[str, Sequence[tuple[int, int]]]
    acknowledged: Collection[int] = ()
    committed: int
    end: int


class Oracle:
    """Judges partition by partition; :attr:`violations` is the whole verdict."""

    def __init__(self, recompute: Recompute) -> None:
        self._recompute = recompute
        self._ids: set[str] = set()
        self.violations = Violations()
        self.requests = self.decisions = self.rejections = self.repeats = 0

    def judge(self, part: Partition) -> None:
        self.requests += len(part.requests)
        self.decisions += len(part.decisions)
        self.rejections += len(part.rejections)
        for kind, example in self._found(part):
            self.violations.add(kind, f"partition {part.number}, {example}")

    def _found(self, part: Partition) -> Iterator[tuple[Kind, str]]:
        yield from _sources(part)
        yield from self._ids_twice(part)
        yield from _order(part)
        yield from _vanished(part)
        yield from self._answers(part)
        yield from _positions(part)

    def _ids_twice(self, part: Partition) -> Iterator[tuple[Kind, str]]:
        for record in part.decisions:
            request_id = msgspec.json.decode(record.value)["request_id"]
            if request_id in self._ids:
                yield Kind.DOUBLED_ID, f"{request_id} at {record.offset}"
            self._ids.add(request_id)

    def _answers(self, part: Partition) -> Iterator[tuple[Kind, str]]:
        """Each request with what it should have been answered with, and with what it was."""
        outputs = {source_of(record)[1]: (record, False) for record in part.decisions}
        outputs |= {source_of(record)[1]: (record, True) for record in part.rejections}
        found = [(request, outputs.get(request.offset, (None, False))) for request in part.requests]
        expected = self._recompute([(request, output) for request, (output, _) in found])
        for (request, (output, rejected)), should in zip(found, expected, strict=True):
            if should is None:
                self.repeats += 1
                if output is not None:
                    yield Kind.ANSWERED_REPEAT, f"request {request.offset}"
            elif output is None:
                yield Kind.MISSING, f"request {request.offset}"
            elif not same(output, rejected, should):
                yield Kind.DIFFERENT, f"output of request {request.offset} at {output.offset}"


def _sources(part: Partition) -> Iterator[tuple[Kind, str]]:
    answers = Counter(source_of(record) for record in (*part.decisions, *part.rejections))
    there = {(part.number, record.offset) for record in part.requests}
    for source, count in answers.items():
        if source not in there:
            yield Kind.UNSOURCED, f"an output names the source {source}"
        elif count > 1:
            yield Kind.DOUBLED_SOURCE, f"request {source[1]} has {count} outputs"


def _order(part: Partition) -> Iterator[tuple[Kind, str]]:
    for records in (part.decisions, part.rejections):
        last = -1
        for record in records:
            offset = source_of(record)[1]
            if offset < last:
                yield Kind.DISORDER, f"request {offset} was answered after {last}"
            last = offset


def _vanished(part: Partition) -> Iterator[tuple[Kind, str]]:
    for records, (topic, concurrent) in zip((part.decisions, part.rejections), part.concurrent.items(), strict=True):
        later = {record.offset: source_of(record)[1] for record in records}
        for offset, source in concurrent:
            if later.get(offset) != source:
                yield Kind.VANISHED, f"{topic} {offset}, which answered request {source}"


def _positions(part: Partition) -> Iterator[tuple[Kind, str]]:
    if part.committed != part.end:
        yield Kind.UNCOMMITTED, f"committed {part.committed}, end {part.end}"
    there = {record.offset for record in part.requests}
    for offset in sorted(set(part.acknowledged) - there):
        yield Kind.UNACKNOWLEDGED, f"request {offset}"
