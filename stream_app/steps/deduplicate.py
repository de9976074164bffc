"""One decision a request id: the memory of decided ids, and the one pass over a batch that uses it.

Only decisions are remembered: the id of a rejected request may be used again. A request under a decided id is a repeat
if its content is the same, and rejected if not. Pure: the clock is passed in.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from stream_app.events import LoanRequest, RawRecord, Rejection, RejectionReason, fingerprint
from stream_app.steps.enrich import Row

Key = tuple[int, str]
"""Partition and request id."""

Fingerprints = Mapping[Key, bytes]
"""Of the requests that were decided."""

UNKNOWN_FINGERPRINT = b""
"""Of a decision that was published before decisions carried one: any request under its id counts as a repeat."""

_CONFLICT = Rejection(
    RejectionReason.CONFLICTING_REQUEST,
    "Its `request_id` was decided before with other content; a new request needs a new id, a repeated one no change.",
)


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """The same request again: it was decided, so this record has no output."""


_REPEAT = Repeat()


class PastDecision(msgspec.Struct, frozen=True, gc=False):
    """``fingerprint`` of its request, and when it was made, in seconds since 1970."""

    fingerprint: bytes
    decided_at: float


class DecidedIds:
    """The newest ``most`` ids of each partition, none older than ``seconds``. For one thread."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._by_partition: dict[int, OrderedDict[str, PastDecision]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_partition.values()))

    def fingerprint(self, key: Key, now: dt.datetime) -> bytes | None:
        """Of the request that was decided under this id; None: none was, or too long before ``now``."""
        partition, request_id = key
        ids = self._by_partition.get(partition)
        past = ids.get(request_id) if ids else None
        if past is None or past.decided_at < now.timestamp() - self._seconds:
            return None
        return past.fingerprint

    def remember(self, decided: Fingerprints, now: dt.datetime) -> None:
        """Add decisions made ``now``, in their order, and drop what is too old or too many."""
        decided_at = now.timestamp()
        for (partition, request_id), content in decided.items():
            self._add(partition, request_id, PastDecision(content, decided_at))
        for ids in self._by_partition.values():
            while ids and next(iter(ids.values())).decided_at < decided_at - self._seconds:
                ids.popitem(last=False)

    def restart(self, decisions: Mapping[int, Iterable[tuple[str, PastDecision]]]) -> None:
        """Replace everything by these decisions: request ids by partition, the oldest first."""
        self._by_partition = {partition: OrderedDict() for partition in decisions}
        for partition, past_decisions in decisions.items():
            for request_id, past in past_decisions:
                self._add(partition, request_id, past)

    def _add(self, partition: int, request_id: str, past: PastDecision) -> None:
        ids = self._by_partition.setdefault(partition, OrderedDict())
        ids[request_id] = past
        ids.move_to_end(request_id)
        if len(ids) > self._most:
            ids.popitem(last=False)


class Fresh(msgspec.Struct, frozen=True, gc=False):
    """A complete request that is to be decided."""

    request: LoanRequest[Any]
    row: Row
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """A batch by index: what is to be decided, and the verdicts on the other records.

    ``decided``: fingerprints of the former by partition and request id.
    """

    to_decide: dict[int, Fresh]
    answered: dict[int, Rejection | Repeat]
    decided: dict[Key, bytes]


def deduplicate(
    records: Sequence[RawRecord],
    requests: Sequence[LoanRequest[Any] | Rejection],
    rows: Sequence[Row | Rejection],
    decided_ids: DecidedIds | None,
    earlier: Fingerprints,
    now: dt.datetime,
) -> Deduplicated:
    """One pass over a batch: ``rows`` holds the complete features of each request, or why they could not be completed.

    ``earlier``: decided just now, which ``decided_ids`` does not know yet. Without ``decided_ids`` nothing is compared
    and every complete request is decided.
    """
    to_decide: dict[int, Fresh] = {}
    answered: dict[int, Rejection | Repeat] = {}
    decided: dict[Key, bytes] = {}
    for index, (record, request, row) in enumerate(zip(records, requests, rows, strict=True)):
        if isinstance(request, Rejection):
            answered[index] = request
            continue
        key = record.partition, request.request_id
        known = None
        if decided_ids is not None:
            known = decided.get(key) or earlier.get(key) or decided_ids.fingerprint(key, now)
        if known is not None:
            same = known == UNKNOWN_FINGERPRINT or known == fingerprint(request)
            answered[index] = _REPEAT if same else _CONFLICT
        elif isinstance(row, Rejection):
            answered[index] = row  # its id stays free
        else:
            decided[key] = content = fingerprint(request)
            to_decide[index] = Fresh(request, row, content)
    return Deduplicated(to_decide, answered, decided)
