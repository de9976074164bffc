"""Decisions and rejections to the records that are published, source position in the headers.

A record's own headers (a trace id, say) travel along, save those that bear one of our names: they would be taken for
our word.
"""

from __future__ import annotations

from typing import Any

import msgspec

from stream_app.events import Decision, Output, RawRecord, Rejection, size_of

SOURCE_HEADERS = ("source-topic", "source-partition", "source-offset", "source-timestamp")
REJECTION_HEADERS = ("rejection-reason", "rejection-message", "attempt", "value-omitted-bytes")
FINGERPRINT_HEADER = "request-digest"
"""Header of a decision: of its request's content. A scorer that takes over knows by it what is a repeated request."""

_OURS = frozenset((*SOURCE_HEADERS, *REJECTION_HEADERS, FINGERPRINT_HEADER))
_TOPIC, _PARTITION, _OFFSET, _TIMESTAMP = SOURCE_HEADERS
_REASON, _MESSAGE, _ATTEMPT, _OMITTED = REJECTION_HEADERS

_encode = msgspec.json.Encoder().encode


def encode_decision(record: RawRecord, decision: Decision[Any], digest: bytes) -> Output:
    """The decision as JSON under the request's key; ``digest``: of the request's content, told in hexadecimal."""
    headers = [*_foreign(record), *_source(record), (FINGERPRINT_HEADER, digest.hex().encode())]
    return Output(False, record.key, _encode(decision), headers)


def encode_rejection(record: RawRecord, rejection: Rejection, max_bytes: int) -> Output:
    """The original key, value and headers, with the reason beside them.

    A record above ``max_bytes`` could not be published at all: its value and headers, and a key of that size, are
    left out, its size is noted, and the source position says where the original lies.
    """
    key, value, headers = record.key, record.value, _foreign(record)
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


def _foreign(record: RawRecord) -> list[tuple[str, bytes]]:
    return [header for header in record.headers if header[0] not in _OURS] if record.headers else []


def _source(record: RawRecord) -> list[tuple[str, bytes]]:
    return [
        (_TOPIC, record.topic.encode()),
        (_PARTITION, b"%d" % record.partition),
        (_OFFSET, b"%d" % record.offset),
        (_TIMESTAMP, b"%d" % max(0, record.timestamp)),  # Kafka's -1: its producer gave none
    ]


def _attempts(record: RawRecord) -> int:
    """How often this record was rejected before; a header that is no small number counts as never."""
    said = dict(record.headers).get(_ATTEMPT) or b""
    return int(said) if said.isdigit() and len(said) <= 4 else 0
