"""Bytes to loan requests or rejections; the gateway uses it too, so that HTTP and Kafka reject the same.

A good record costs one compiled msgspec decode (about 1 µs). Only a record that fails it is looked at again, for all
that is wrong with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import UNSET

from models.contract import Contract
from stream_app.events import LoanRequest, RawRecord, Rejection, RejectionReason, Unreadable, size_of
from stream_app.feature_struct import feature_struct
from stream_app.steps.faults import (
    NULL_KEY,
    FaultSearch,
    fault_in,
    is_usual,
    rejection_of,
    wrong_key,
    wrong_time,
    wrong_version,
)


class RequestFormat(Protocol):
    """How requests are written on their topic."""

    def decoder(self, kind: type[Any]) -> Callable[[bytes], Any]:
        """From a value to its record. Raises as msgspec does, Undecodable, or a StreamAppError: it cannot tell now."""

    def to_json(self, value: bytes) -> bytes:
        """What a value says of a request, as JSON; raises the same."""

    def written_json(self, value: bytes) -> bytes:
        """All that a value holds, as JSON; raises the same."""


class Decoder:
    """Decodes batches of records under one contract. Pure: same bytes, same answer."""

    def __init__(self, contract: Contract, max_request_bytes: int, requests: RequestFormat | None = None) -> None:
        """``max_request_bytes``: a record larger than this, key and headers included, is rejected unread.

        ``requests``: None for JSON.
        """
        kind: Any = LoanRequest[feature_struct(contract)]  # type: ignore[misc]  # made at run time
        self._read = requests.decoder(kind) if requests else msgspec.json.Decoder(kind).decode
        self._schema_version = contract.schema_version
        self._search = FaultSearch(contract, requests.to_json if requests else bytes)
        self._max_request_bytes = max_request_bytes

    def decode(self, records: Sequence[RawRecord]) -> list[LoanRequest[Any] | Rejection]:
        """One request or one rejection a record, in the records' order."""
        answers = [self._decode_one(record) for record in records]
        return self._search.complete(records, answers) if Rejection in map(type, answers) else answers

    def _decode_one(self, record: RawRecord) -> LoanRequest[Any] | Rejection:
        value = record.value
        if isinstance(value, Unreadable):
            return Rejection(RejectionReason.UNREADABLE, value.fault)
        if value is None:
            return Rejection(RejectionReason.TOMBSTONE, "The value is null; a request is a JSON object.")
        if (size := size_of(record)) > self._max_request_bytes:
            limit = f"{size} bytes; the limit is {self._max_request_bytes}"
            return Rejection(RejectionReason.TOO_LARGE, f"Key, value and headers have {limit}.")
        if record.key is None:
            return rejection_of([NULL_KEY])
        try:
            request = self._read(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            return rejection_of([fault_in(fault, value)])
        return self._check(request, record.key)

    def _check(self, request: LoanRequest[Any], key: bytes) -> LoanRequest[Any] | Rejection:
        if request.schema_version is UNSET and request.client_id.encode() == key and is_usual(request.requested_at):
            return request
        fault = (
            wrong_version(request.schema_version, self._schema_version)
            or wrong_key(request.client_id, key)
            or wrong_time(request.requested_at)
        )
        if fault:
            return rejection_of([fault])
        if request.requested_at.tzinfo is not dt.UTC:
            return msgspec.structs.replace(request, requested_at=request.requested_at.astimezone(dt.UTC))
        return request
