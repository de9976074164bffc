"""Parses Kafka records to rows of the decision store, once, and marks decisions that are late by their partition's
event clock."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from monitoring.event_time import EventClock, WindowSize
from monitoring.store import DecisionRow, LabelRow, PartitionOffset
from stream_app.events import (
    EARLIEST_REQUEST,
    ClientId,
    Label,
    ModelVersion,
    OutcomeName,
    Probability,
    RawRecord,
    RequestId,
    Unreadable,
)
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON

Partition = tuple[str, int]
"""Topic and partition number."""

Instant = Annotated[dt.datetime, Meta(tz=True)]
Parsed = TypeVar("Parsed")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class _Model(msgspec.Struct, gc=False):
    version: ModelVersion


class _Decision(msgspec.Struct, gc=False):
    """What has a column of its own; the whole record is stored beside it as it came."""

    request_id: RequestId
    client_id: ClientId
    requested_at: Instant
    decided_at: Instant
    outcome: OutcomeName
    probability_of_default: Probability
    model: _Model


_decision = msgspec.json.Decoder(_Decision).decode


class Parse:
    """Values of the two topics in their formats. A value that is none of its topic's raises ValueError or
    RecursionError; RegistryUnavailable: nobody can tell yet."""

    def __init__(self, decisions: Format = JSON, outcomes: Format = JSON) -> None:
        self._json = decisions.to_json
        self.label = outcomes.decoder(Label)

    def decision(self, value: bytes) -> tuple[_Decision, str]:
        """The decision and its JSON."""
        text = self._json(value)
        decided = _decision(text)
        if decided.requested_at < EARLIEST_REQUEST:
            raise ValueError("older than any request")
        return decided, text.decode()  # the parser has skipped over texts it was not asked for


@dataclass(frozen=True, slots=True)
class Clocking:
    """What makes a decision late or ahead: the windows' size, the lateness allowed, the newest believable instant."""

    size: WindowSize
    lateness_us: int
    not_after_us: int


@dataclass(slots=True)
class Incoming:
    """What one poll brought. ``unreadable``: records by topic that are no decision or label; they stay on the topic.

    ``first_unreadable``: by topic, partition and offset of one of them. ``ahead``: decisions dated further in the
    future than is believable. ``offsets``: where to read on, and each partition's clock.
    """

    decisions: list[DecisionRow] = field(default_factory=list)
    labels: list[LabelRow] = field(default_factory=list)
    offsets: dict[Partition, PartitionOffset] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)
    first_unreadable: dict[str, tuple[int, int]] = field(default_factory=dict)
    ahead: int = 0


def microseconds(instant: dt.datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def read_runs(
    runs: Mapping[Partition, Sequence[RawRecord]],
    decisions_topic: str,
    clocks: Mapping[Partition, EventClock],
    clocking: Clocking,
    parse: Parse | None = None,
) -> Incoming:
    """Parse the runs of one poll, each in offset order. ``clocks``: by partition, as the store knows them.

    Raises RegistryUnavailable.
    """
    incoming, parse = Incoming(), parse or Parse()
    for partition, run in runs.items():
        if partition[0] == decisions_topic:
            latest_us = _read_decisions(run, clocks.get(partition, EventClock()), clocking, parse, incoming)
        else:
            latest_us = _read_labels(run, parse, incoming)
        incoming.offsets[partition] = PartitionOffset(run[-1].offset + 1, latest_us)
    return incoming


def _read_decisions(
    run: Sequence[RawRecord], clock: EventClock, clocking: Clocking, parse: Parse, incoming: Incoming
) -> int | None:
    read = _readable(run, parse.decision, incoming)
    instants = [microseconds(decided.requested_at) for _, (decided, _) in read]
    clock, late, ahead = clock.observe(instants, clocking.size, clocking.lateness_us, clocking.not_after_us)
    incoming.ahead += ahead
    incoming.decisions += [
        _row(record, *parsed, at_us, is_late)
        for (record, parsed), at_us, is_late in zip(read, instants, late, strict=True)
    ]
    return clock.latest_us


def _readable(
    run: Sequence[RawRecord], parse: Callable[[bytes], Parsed], incoming: Incoming
) -> list[tuple[RawRecord, Parsed]]:
    """The records that can be parsed, each with its content; the others are counted.

    Whatever bytes are on the topic: none may stop the stream. Nesting without end is a RecursionError, and all others
    (no JSON, no UTF-8, what breaks the contract) are ValueErrors.
    """
    read = []
    for record in run:
        try:
            if isinstance(record.value, Unreadable):
                raise ValueError(record.value.fault)
            read.append((record, parse(record.value or b"")))
        except (ValueError, RecursionError):
            incoming.unreadable[record.topic] += 1
            incoming.first_unreadable.setdefault(record.topic, (record.partition, record.offset))
    return read


def _row(record: RawRecord, decided: _Decision, text: str, at_us: int, late: bool) -> DecisionRow:
    return DecisionRow(
        decided.request_id,
        decided.client_id,
        at_us,
        microseconds(decided.decided_at),
        decided.outcome,
        decided.probability_of_default,
        decided.model.version,
        late,
        text,
        record.partition,
        record.offset,
    )


def _read_labels(run: Sequence[RawRecord], parse: Parse, incoming: Incoming) -> int | None:
    read = _readable(run, parse.label, incoming)
    incoming.labels += [_label_row(record, label) for record, label in read]
    return max((microseconds(label.observed_at) for _, label in read), default=None)


def _label_row(record: RawRecord, label: Label) -> LabelRow:
    return LabelRow(
        label.request_id,
        label.client_id,
        label.defaulted,
        microseconds(label.observed_at),
        record.partition,
        record.offset,
    )
