"""Which request ids were decided lately, by partition: bounded, so that one id gets one decision within these bounds.

Pure: the clock is passed in. Only decisions are remembered; the id of a rejected request may be used again. A request
is compared with what was decided under its id by a digest of its content.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from stream_app.events import LoanRequest

Key = tuple[int, str]
"""Partition and request id."""

UNKNOWN_CONTENT = b""
"""In place of a digest: the decision does not say what its request was. Whatever comes under the id repeats it."""

_encode = msgspec.json.Encoder().encode


def digest_of(request: LoanRequest[Any]) -> bytes:
    """16 bytes that follow from the request's content alone, however its JSON was written or ordered."""
    return hashlib.blake2b(_encode(request), digest_size=16).digest()


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A decision: ``digest`` of its request, and when it was made, in seconds since 1970. Nothing for the collector."""

    digest: bytes
    decided_at: float


class Decided(Protocol):
    """What the pipeline asks of the memory."""

    def digest(self, key: Key, now: dt.datetime) -> bytes | None:
        """The digest of the request that was decided under this id, None if none is remembered."""


class DecidedIds:
    """The newest ``most`` ids of each partition, none older than ``seconds``. For one thread."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._by_partition: dict[int, OrderedDict[str, Entry]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_partition.values()))

    def digest(self, key: Key, now: dt.datetime) -> bytes | None:
        """See :class:`Decided`; what is too old at ``now`` is not remembered, even if it is still held."""
        partition, request_id = key
        ids = self._by_partition.get(partition)
        entry = ids.get(request_id) if ids else None
        if entry is None or entry.decided_at < now.timestamp() - self._seconds:
            return None
        return entry.digest

    def remember(self, digests: Mapping[Key, bytes], now: dt.datetime) -> None:
        """Take in the decisions made ``now``, in their order, and let go of what is too much or too old."""
        decided_at = now.timestamp()
        for (partition, request_id), digest in digests.items():
            self._add(partition, request_id, Entry(digest, decided_at))
        for ids in self._by_partition.values():
            self._let_go(ids, decided_at)

    def restart(self, decisions: Mapping[int, Iterable[tuple[str, Entry]]]) -> None:
        """Hold these decisions, by partition and in their order, and nothing of what was held before."""
        self._by_partition = {partition: OrderedDict() for partition in decisions}
        for partition, entries in decisions.items():
            for request_id, entry in entries:
                self._add(partition, request_id, entry)

    def _add(self, partition: int, request_id: str, entry: Entry) -> None:
        ids = self._by_partition.setdefault(partition, OrderedDict())
        ids[request_id] = entry
        ids.move_to_end(request_id)
        if len(ids) > self._most:
            ids.popitem(last=False)

    def _let_go(self, ids: OrderedDict[str, Entry], now: float) -> None:
        while ids and next(iter(ids.values())).decided_at < now - self._seconds:
            ids.popitem(last=False)
