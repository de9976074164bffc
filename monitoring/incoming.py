"""Kafka records to rows of the decision store: parsed once, at the door, and put on their partition's event clock."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from monitoring.store import DecisionRow, OutcomeRow, Position
from monitoring.windows import EventClock, WindowSize
from stream_app.events import Outcome, RawRecord

Partition = tuple[str, int]
"""Topic and partition number."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class _Model(msgspec.Struct, gc=False):
    version: str


class _Decided(msgspec.Struct, gc=False):
    """What has a column of its own; the whole record is stored beside it as it came."""

    request_id: str
    client_id: str
    requested_at: dt.datetime
    decided_at: dt.datetime
    outcome: str
    probability_of_default: float
    model: _Model


_decision = msgspec.json.Decoder(_Decided).decode
_outcome = msgspec.json.Decoder(Outcome).decode


@dataclass(frozen=True, slots=True)
class Clocking:
    """How decisions are put into time: the windows' size, the lateness allowed, and the newest believable instant."""

    size: WindowSize
    lateness_us: int
    not_after_us: int


@dataclass(slots=True)
class Incoming:
    """What one poll brought. ``unreadable``: records by topic that are no decision or outcome; they stay on the topic.

    ``ahead``: decisions dated further in the future than is believable. ``positions``: where to read on, and each
    partition's clock.
    """

    decisions: list[DecisionRow] = field(default_factory=list)
    outcomes: list[OutcomeRow] = field(default_factory=list)
    positions: dict[Partition, Position] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)
    ahead: int = 0


def microseconds(at: dt.datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (at - _EPOCH) // _MICROSECOND


def read_runs(
    runs: Mapping[Partition, Sequence[RawRecord]],
    decisions_topic: str,
    clocks: Mapping[Partition, EventClock],
    clocking: Clocking,
) -> Incoming:
    """Parse the runs of one poll, each in offset order. ``clocks``: by partition, as the store knows them."""
    incoming = Incoming()
    for partition, run in runs.items():
        if partition[0] == decisions_topic:
            latest_us = _read_decisions(run, clocks.get(partition, EventClock()), clocking, incoming)
        else:
            latest_us = _read_outcomes(run, incoming)
        incoming.positions[partition] = Position(run[-1].offset + 1, latest_us)
    return incoming


def _read_decisions(run: Sequence[RawRecord], clock: EventClock, clocking: Clocking, incoming: Incoming) -> int | None:
    read = [(record, decided) for record in run if (decided := _decided(record)) is not None]
    incoming.unreadable[run[0].topic] += len(run) - len(read)
    instants = [microseconds(decided.requested_at) for _, decided in read]
    clock, late, ahead = clock.observe(instants, clocking.size, clocking.lateness_us, clocking.not_after_us)
    incoming.ahead += ahead
    incoming.decisions += [
        _row(record, decided, at_us, is_late)
        for (record, decided), at_us, is_late in zip(read, instants, late, strict=True)
    ]
    return clock.latest_us


def _decided(record: RawRecord) -> _Decided | None:
    try:
        decided = _decision(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return decided if decided.requested_at.tzinfo and decided.decided_at.tzinfo else None


def _row(record: RawRecord, decided: _Decided, at_us: int, late: bool) -> DecisionRow:
    return DecisionRow(
        decided.request_id,
        decided.client_id,
        at_us,
        microseconds(decided.decided_at),
        decided.outcome,
        decided.probability_of_default,
        decided.model.version,
        late,
        (record.value or b"").decode(),
        record.partition,
        record.offset,
    )


def _read_outcomes(run: Sequence[RawRecord], incoming: Incoming) -> int | None:
    latest_us: int | None = None
    for record in run:
        try:
            truth = _outcome(record.value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            incoming.unreadable[record.topic] += 1
            continue
        at_us = microseconds(truth.observed_at)
        latest_us = at_us if latest_us is None else max(latest_us, at_us)
        incoming.outcomes.append(
            OutcomeRow(truth.request_id, truth.client_id, truth.defaulted, at_us, record.partition, record.offset)
        )
    return latest_us
