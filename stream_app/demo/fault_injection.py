"""Bad requests on purpose: one kind for each reason the pipeline rejects a request for, evenly mixed into good ones.

Pure and seeded: the same requests, share and seed give the same messages.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import msgspec

from stream_app.events import RejectionReason
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.tables.columns import Request
from stream_app.tables.messages import Message, request_message

NUMBER = "amount_requested"
"""A required feature of the shipped contract with a lower limit above zero: the field most faults are made in."""


def with_faults(
    requests: Sequence[Request], share: float, seed: int, max_request_bytes: int, sound: Format = JSON
) -> Iterator[Message]:
    """The requests as messages, some of them made bad; ``max_request_bytes`` is what the scorer takes at most.

    ``sound``: the format of the good ones. The bad ones are JSON, which is read beside Avro.
    """
    kinds = faults_among(len(requests), share, seed)
    for index, request in enumerate(requests):
        kind = kinds.get(index)
        yield request_message(request, sound) if kind is None else spoilt(request, kind, max_request_bytes)


def faults_among(count: int, share: float, seed: int) -> dict[int, RejectionReason]:
    """Which of ``count`` requests get which fault: ``share`` of them (0..1, at least one if above 0).

    Where they fall is random; the kinds take turns.
    """
    bad = min(count, math.ceil(share * count))
    indices = sorted(random.Random(seed).sample(range(count), bad))  # noqa: S311 - reproducible on purpose
    return dict(zip(indices, cycle(FAULTS), strict=False))


def spoilt(request: Request, kind: RejectionReason, max_request_bytes: int) -> Message:
    """The request with one fault, for which it must be rejected as ``kind``, one of :data:`FAULTS`."""
    if kind is RejectionReason.TOO_LARGE:
        key, value = _padded(request, max_request_bytes + 1)
    else:
        key, value = _FAULT[kind](request)
    return Message(key, value, expected=kind.value)


KeyAndValue = tuple[bytes | None, bytes | None]
Fault = Callable[[Request], KeyAndValue]


def _padded(request: Request, size_bytes: int) -> KeyAndValue:
    return request.client_id.encode(), msgspec.json.encode(request).ljust(size_bytes)


def _edited(change: Callable[[dict[str, Any]], object]) -> Fault:
    """A fault in the JSON document, which goes under the client id that the document names."""

    def fault(request: Request) -> KeyAndValue:
        document = msgspec.to_builtins(request)
        change(document)
        return str(document["client_id"]).encode(), json.dumps(document).encode()

    return fault


def _feature(value: object) -> Fault:
    return _edited(lambda document: document["features"].update({NUMBER: value}))


def _record(change: Callable[[bytes, bytes], KeyAndValue]) -> Fault:
    """A fault in the key or the bytes of a sound record."""
    return lambda request: change(request.client_id.encode(), msgspec.json.encode(request))


_FAULT: Mapping[RejectionReason, Fault] = {
    RejectionReason.NOT_JSON: _record(lambda key, value: (key, value[:-1])),
    RejectionReason.NAN_LITERAL: _feature(math.nan),
    RejectionReason.WRONG_TYPE: _feature("ten thousand"),
    RejectionReason.OUT_OF_RANGE: _feature(-1),
    RejectionReason.UNKNOWN_FIELD: _edited(lambda document: document.update(colour="blue")),
    RejectionReason.MISSING_FIELD: _edited(lambda document: document.pop("requested_at")),
    RejectionReason.UNKNOWN_SCHEMA_VERSION: _edited(lambda document: document.update(schema_version=999)),
    RejectionReason.NULL_KEY: _record(lambda _, value: (None, value)),
    RejectionReason.KEY_MISMATCH: _record(lambda key, value: (b"not-" + key, value)),
    RejectionReason.TOMBSTONE: _record(lambda key, _: (key, None)),
    RejectionReason.UNKNOWN_CLIENT: _edited(lambda document: document.update(client_id="nobody")),
    RejectionReason.MISSING_REQUIRED_FEATURE: _feature(None),
}

FAULTS: tuple[RejectionReason, ...] = (*_FAULT, RejectionReason.TOO_LARGE)
"""The kinds that can be made."""
