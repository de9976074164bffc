"""Bytes to loan requests or rejections; the gateway uses it too, so that HTTP and Kafka reject the same.

A good record costs one compiled msgspec decode (about 1 µs). Only a record that fails it is looked at again for the
reason.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET

from models.contract import Contract
from stream_app.events import (
    EARLIEST_REQUEST,
    LoanRequest,
    RawRecord,
    Rejection,
    RejectionReason,
    Unreadable,
    feature_struct,
    size_of,
)

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_FIELD = re.compile(r"unknown field `(?P<name>[A-Za-z_][A-Za-z0-9_]{0,63})`(?: - at |$)")
_REASONS = (  # the first match counts; the texts are msgspec's own, pinned by a test
    (re.compile(r"missing required field"), RejectionReason.MISSING_FIELD),
    (re.compile(r"unknown field"), RejectionReason.UNKNOWN_FIELD),
    (re.compile(r"(<=|>=|<|>) |out of range|of length|multiple of"), RejectionReason.OUT_OF_RANGE),
)


class Decoder:
    """Decodes batches of records under one contract. Pure: same bytes, same answer."""

    def __init__(self, contract: Contract, max_request_bytes: int) -> None:
        """``max_request_bytes``: a record larger than this, key and headers included, is rejected unread."""
        self._decoder = msgspec.json.Decoder(LoanRequest[feature_struct(contract)])  # type: ignore[misc]  # made at run time
        self._schema_version = contract.schema_version
        self._max_request_bytes = max_request_bytes

    def decode(self, records: Sequence[RawRecord]) -> list[LoanRequest[Any] | Rejection]:
        """One request or one rejection a record, in the records' order."""
        return [self._decode_one(record) for record in records]

    def _decode_one(self, record: RawRecord) -> LoanRequest[Any] | Rejection:
        value = record.value
        if isinstance(value, Unreadable):
            return Rejection(RejectionReason.UNREADABLE, value.fault)
        if value is None:
            return Rejection(RejectionReason.TOMBSTONE, "The value is null; a request is a JSON object.")
        if record.key is None:
            return Rejection(RejectionReason.NULL_KEY, "The key is null; it must be the client id.")
        if (size := size_of(record)) > self._max_request_bytes:
            limit = f"{size} bytes; the limit is {self._max_request_bytes}"
            return Rejection(RejectionReason.TOO_LARGE, f"Key, value and headers have {limit}.")
        try:
            request = self._decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            return _explain(fault, value)
        return self._check(request, record.key)

    def _check(self, request: LoanRequest[Any], key: bytes) -> LoanRequest[Any] | Rejection:
        if request.schema_version is not UNSET and request.schema_version != self._schema_version:
            return Rejection(
                RejectionReason.UNKNOWN_SCHEMA_VERSION, f"This scorer reads schema_version {self._schema_version}."
            )
        if request.client_id.encode() != key:
            return Rejection(RejectionReason.KEY_MISMATCH, "The key is not the client_id of the value, in UTF-8.")
        if request.requested_at < EARLIEST_REQUEST:
            return Rejection(RejectionReason.OUT_OF_RANGE, f"`requested_at` is before {EARLIEST_REQUEST:%Y}.")
        if request.requested_at.tzinfo is not dt.UTC:
            return _to_utc(request)
        return request


def _to_utc(request: LoanRequest[Any]) -> LoanRequest[Any] | Rejection:
    try:
        return msgspec.structs.replace(request, requested_at=request.requested_at.astimezone(dt.UTC))
    except OverflowError:
        return Rejection(RejectionReason.OUT_OF_RANGE, "`requested_at` has no equivalent in UTC.")


def _explain(fault: Exception, value: bytes) -> Rejection:
    """Why bytes do not decode. The message names field and limit, never a value."""
    if not isinstance(fault, msgspec.ValidationError):
        return _explain_syntax(value)
    text = str(fault)
    reason = next((kind for pattern, kind in _REASONS if pattern.search(text)), RejectionReason.WRONG_TYPE)
    if reason is RejectionReason.UNKNOWN_FIELD:
        return Rejection(reason, f"The contract does not name {_field_in(text)}." + _where(text))
    return Rejection(reason, _PATH.sub("", text) + "." + _where(text))


def _field_in(text: str) -> str:
    """The field that msgspec names, if it reads like one: the producer chose it, so it could be anything."""
    field = _FIELD.search(text)
    return f"the field `{field['name']}`" if field else "one of the object's fields"


def _where(text: str) -> str:
    path = _PATH.search(text)
    return f" At `{path['path']}`." if path and path["path"] else ""


def _explain_syntax(value: bytes) -> Rejection:
    try:
        json.loads(value, parse_constant=_refuse_constant)
    except _NotANumber:
        return Rejection(RejectionReason.NAN_LITERAL, "NaN and Infinity are not JSON; send null for a missing value.")
    except (ValueError, RecursionError):
        pass
    return Rejection(RejectionReason.NOT_JSON, "The value is not a JSON document in UTF-8.")


class _NotANumber(Exception):
    """A literal NaN or Infinity was met."""


def _refuse_constant(_literal: str) -> NoReturn:
    raise _NotANumber
