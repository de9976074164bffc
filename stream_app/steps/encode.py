"""Decisions and rejections to the records that are published, source position in the headers."""

from __future__ import annotations

from typing import Any

import msgspec

from stream_app.events import Decision, Output, RawRecord, Rejection

ATTEMPT_HEADER = "attempt"
OMITTED_HEADER = "value-omitted-bytes"

_encode = msgspec.json.Encoder().encode


def encode_decision(record: RawRecord, decision: Decision[Any]) -> Output:
    """The decision as JSON under the request's key. The request's own headers (a trace id, say) travel along."""
    return Output(False, record.key, _encode(decision), [*record.headers, *_source(record)])


def encode_rejection(record: RawRecord, rejection: Rejection, max_value_bytes: int) -> Output:
    """The original key, value and headers, with the reason beside them.

    A value above ``max_value_bytes`` could not be published at all: it is left out and its size is noted, and the
    source position in the headers says where the original lies.
    """
    value = record.value
    headers = [header for header in record.headers if header[0] != ATTEMPT_HEADER]
    if value is not None and len(value) > max_value_bytes:
        headers.append((OMITTED_HEADER, b"%d" % len(value)))
        value = None
    headers += [
        ("rejection-reason", rejection.reason.encode()),
        ("rejection-message", rejection.message.encode()),
        *_source(record),
        (ATTEMPT_HEADER, b"%d" % (_attempts(record) + 1)),
    ]
    return Output(True, record.key, value, headers)


def _source(record: RawRecord) -> list[tuple[str, bytes]]:
    return [
        ("source-topic", record.topic.encode()),
        ("source-partition", b"%d" % record.partition),
        ("source-offset", b"%d" % record.offset),
    ]


def _attempts(record: RawRecord) -> int:
    """How often this record was rejected before; a header that is no small number counts as never."""
    said = dict(record.headers).get(ATTEMPT_HEADER) or b""
    return int(said) if said.isdigit() and len(said) <= 4 else 0
