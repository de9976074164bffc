"""Decisions and rejections to the records that are published; headers say which record they answer.

A request's own headers are copied, except those with one of our names, which a reader would take for ours. Of its
trace context a decision carries a valid one; a rejection has what the request had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from stream_app import trace_context
from stream_app.events import Decision, Output, RawRecord, Rejection, size_of

SOURCE_HEADERS = ("source-topic", "source-partition", "source-offset", "source-timestamp")
REJECTION_HEADERS = ("rejection-reason", "rejection-message", "attempt", "value-omitted-bytes")
FINGERPRINT_HEADER = "request-digest"
"""Header of a decision: its request's fingerprint, from which a scorer that takes over knows a repeated request."""

_OURS = frozenset((*SOURCE_HEADERS, *REJECTION_HEADERS, FINGERPRINT_HEADER))
_NOT_COPIED = _OURS | trace_context.NAMES
_TOPIC, _PARTITION, _OFFSET, _TIMESTAMP = SOURCE_HEADERS
_REASON, _MESSAGE, _ATTEMPT, _OMITTED = REJECTION_HEADERS

Encode = Callable[[msgspec.Struct], bytes]
"""The value of a record, in the format of its topic."""

json_value: Encode = msgspec.json.Encoder().encode


def encode_decision(record: RawRecord, decision: Decision[Any], fingerprint: bytes, value_of: Encode) -> Output:
    """The decision under the request's key; ``fingerprint``: of the request."""
    headers = [*_carried(record), *_source(record), (FINGERPRINT_HEADER, fingerprint.hex().encode())]
    return Output(False, record.key, value_of(decision), headers)


def encode_rejection(record: RawRecord, rejection: Rejection, max_bytes: int) -> Output:
    """The original key, value and headers, and why the record is rejected.

    A record above ``max_bytes`` cannot be published: its value and headers, and a key of that size, are left out, its
    size is in a header, and the source headers say where the original is.
    """
    key, value, headers = record.key, record.value, _copied(record)
    if (size := size_of(record)) > max_bytes:
        key = key if key is None or len(key) < max_bytes else None
        value, headers = None, [(_OMITTED, b"%d" % size)]
    headers += [
        (_REASON, rejection.reason.encode()),
        (_MESSAGE, rejection.message.encode()),
        *_source(record),
        (_ATTEMPT, b"%d" % (_attempts(record) + 1)),
    ]
    return Output(True, key, value, headers)


def _carried(record: RawRecord) -> list[tuple[str, bytes]]:
    if not record.headers:
        return []
    copied = [header for header in record.headers if header[0] not in _NOT_COPIED]
    return copied if len(copied) == len(record.headers) else copied + trace_context.carried_headers(record.headers)


def _copied(record: RawRecord) -> list[tuple[str, bytes]]:
    return [header for header in record.headers if header[0] not in _OURS] if record.headers else []


def _source(record: RawRecord) -> list[tuple[str, bytes]]:
    return [
        (_TOPIC, record.topic.encode()),
        (_PARTITION, b"%d" % record.partition),
        (_OFFSET, b"%d" % record.offset),
        (_TIMESTAMP, b"%d" % max(0, record.timestamp)),  # Kafka's -1: its producer gave none
    ]


def _attempts(record: RawRecord) -> int:
    """How often this record was rejected before; 0 if its header is no small number."""
    attempts = dict(record.headers).get(_ATTEMPT) or b""
    return int(attempts) if attempts.isdigit() and len(attempts) <= 4 else 0
