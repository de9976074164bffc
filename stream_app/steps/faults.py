"""What is wrong with a request: every fault of it, each with field and rule and never with a value.

The first fault is the one the decoder stopped at, in the order of the document (a missing field counts where its
object ends), and gives the rejection its reason. The others follow: known fields in the order of their record types,
then those that the contract does not name.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

import msgspec

from models.contract import Contract
from stream_app.events import EARLIEST_REQUEST, Fault, LoanRequest, RawRecord, Rejection, RejectionReason, Undecodable
from stream_app.feature_struct import feature_struct

MAX_LISTED = 10
MAX_SEARCHED_BYTES = 8 * 1024 * 1024
"""Of the values of one batch that are searched for further faults, which takes 0.2 s at worst: a batch of large bad
records must not keep a worker from its heartbeat."""

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FIELD = re.compile(rf"unknown field `(?P<name>{_NAME.pattern})`(?: - at |$)")
_MISSING = re.compile(r"missing required field `(?P<name>\w+)`")
_OUT_OF_RANGE = re.compile(r"(<=|>=|<|>) |out of range|of length|multiple of")

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
NOT_JSON = Fault(RejectionReason.NOT_JSON, "The value is not a JSON document in UTF-8")
NAN_LITERAL = Fault(RejectionReason.NAN_LITERAL, "NaN and Infinity are not JSON; send null for a missing value")
NULL_KEY = Fault(RejectionReason.NULL_KEY, "The key is null; it must be the client id")
_KEY_MISMATCH = Fault(RejectionReason.KEY_MISMATCH, "The key is not the client_id of the value, in UTF-8")
_TOO_OLD = Fault(RejectionReason.OUT_OF_RANGE, f"must not be before {EARLIEST_REQUEST:%Y}", "requested_at")
_NOT_IN_UTC = Fault(RejectionReason.OUT_OF_RANGE, "has no equivalent in UTC", "requested_at")


def rejection_of(faults: Iterable[Fault], total: int = 0) -> Rejection:
    """The rejection for these faults, of which the first gives the reason; ``total``: how many there are, if more."""
    distinct = list(dict.fromkeys(faults))
    listed = tuple(distinct[:MAX_LISTED])
    more = max(total, len(distinct)) - len(listed)
    return Rejection(
        listed[0].reason, " ".join(map(_sentence, listed)) + (f" And {more} more." if more else ""), listed
    )


def _sentence(fault: Fault) -> str:
    return f"`{fault.field}`: {fault.rule}." if fault.field else f"{fault.rule}."


def fault_in(error: Exception, value: bytes | msgspec.Raw, field: str = "") -> Fault:
    """What a decoder's error says about the value of a field, or of a whole record."""
    if isinstance(error, Undecodable):
        return Fault(error.reason, str(error).removesuffix("."))
    return _of_text(str(error), field) if isinstance(error, msgspec.ValidationError) else _of_syntax(value)


def _of_text(text: str, field: str) -> Fault:
    """The texts are msgspec's own, pinned by a test."""
    path = _path(field, match["path"] if (match := _PATH.search(text)) else "")
    if "unknown field" in text:
        return _unknown(path, found["name"] if (found := _FIELD.search(text)) else "")
    if missing := _MISSING.search(text):
        return _missing(missing["name"])
    reason = RejectionReason.OUT_OF_RANGE if _OUT_OF_RANGE.search(text) else RejectionReason.WRONG_TYPE
    rule = _PATH.sub("", text)
    return Fault(reason, rule[0].lower() + rule[1:] if path else rule, path)


def _unknown(parent: str, name: str) -> Fault:
    """The producer chose the name, so it could be anything: it is repeated if it reads like one."""
    if not _NAME.fullmatch(name):
        return Fault(RejectionReason.UNKNOWN_FIELD, "the contract does not name one of the object's fields", parent)
    return Fault(RejectionReason.UNKNOWN_FIELD, "the contract does not name this field", _path(parent, name))


def _missing(name: str) -> Fault:
    return Fault(RejectionReason.MISSING_FIELD, "this field is required", name)


def _path(parent: str, name: str) -> str:
    return ".".join(filter(None, (parent, name)))


def _of_syntax(value: bytes | msgspec.Raw) -> Fault:
    try:
        json.loads(bytes(value), parse_constant=_refuse_constant)
    except _NotANumber:
        return NAN_LITERAL
    except (ValueError, RecursionError):
        pass
    return NOT_JSON


class _NotANumber(Exception):
    """A literal NaN or Infinity was met."""


def _refuse_constant(_literal: str) -> NoReturn:
    raise _NotANumber


# ---- rules that a type does not express ------------------------------------------------------------------------------


def wrong_version(version: object, expected: int) -> Fault | None:
    """The schema version, where one is sent, must be the contract's."""
    if version is msgspec.UNSET or version == expected:
        return None
    rule = f"this scorer reads version {expected}"
    return Fault(RejectionReason.UNKNOWN_SCHEMA_VERSION, rule, "schema_version")


def wrong_key(client_id: str, key: bytes | None) -> Fault | None:
    """The key must be the client id; a null key is a fault of its own."""
    return None if key is None or client_id.encode() == key else _KEY_MISMATCH


def is_usual(requested_at: dt.datetime) -> bool:
    """Whether a time breaks no rule and needs no conversion: what nearly all requests have."""
    return requested_at.tzinfo is dt.UTC and requested_at >= EARLIEST_REQUEST


def wrong_time(requested_at: dt.datetime) -> Fault | None:
    """Event time must lie in the calendar that windows are made of."""
    if requested_at < EARLIEST_REQUEST:
        return _TOO_OLD
    if requested_at.tzinfo is not dt.UTC:
        try:
            requested_at.astimezone(dt.UTC)
        except OverflowError:
            return _NOT_IN_UTC
    return None


# ---- all faults ------------------------------------------------------------------------------------------------------

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_Decoders = dict[str, Callable[[bytes], Any]]
_Check = Callable[[Any, bytes | None], Fault | None]


class FaultSearch:
    """Searches rejected records for their other faults, field by field. Only they pay for it."""

    def __init__(self, contract: Contract, to_json: Callable[[bytes], bytes] = bytes) -> None:
        """``to_json``: what a value says, as JSON."""
        self._to_json = to_json
        self._envelope = _decoders(LoanRequest) | {"features": _object}
        self._features = _decoders(feature_struct(contract))
        self._required = [field.name for field in msgspec.structs.fields(LoanRequest) if field.required]
        self._checks: dict[str, _Check] = {
            "client_id": wrong_key,
            "requested_at": lambda requested_at, _key: wrong_time(requested_at),
            "schema_version": lambda version, _key: wrong_version(version, contract.schema_version),
        }

    def complete(
        self, records: Sequence[RawRecord], answers: Iterable[LoanRequest[Any] | Rejection]
    ) -> list[LoanRequest[Any] | Rejection]:
        """The answers to these records, with every fault in the rejections."""
        left = MAX_SEARCHED_BYTES
        complete: list[LoanRequest[Any] | Rejection] = []
        for record, answer in zip(records, answers, strict=True):
            if isinstance(answer, Rejection) and answer.faults and left > 0:
                left -= len(record.value or b"")
                complete.append(self._search(answer.faults[0], record.key, record.value or b""))
            else:
                complete.append(answer)
        return complete

    def _search(self, first: Fault, key: bytes | None, value: bytes) -> Rejection:
        try:
            document = _object(self._to_json(value))
        except UNDECODABLE as error:
            return rejection_of([first, fault_in(error, value)])
        values, faults = _decoded(self._envelope, document)
        features = values.get("features", {})
        faults += [_missing(name) for name in self._required if name not in document]
        faults += filter(None, (check(values[name], key) for name, check in self._checks.items() if name in values))
        faults += _decoded(self._features, features, "features")[1]
        unknown = [("", name) for name in document if name not in self._envelope]
        unknown += [("features", name) for name in features if name not in self._features]
        known = len(dict.fromkeys([first, *faults])) - (first.reason is RejectionReason.UNKNOWN_FIELD)
        faults += [_unknown(parent, name) for parent, name in unknown[:MAX_LISTED]]
        return rejection_of([first, *faults], known + len(unknown))


def _decoders(kind: type[Any]) -> _Decoders:
    return {field.encode_name: msgspec.json.Decoder(field.type).decode for field in msgspec.structs.fields(kind)}


def _decoded(
    decoders: _Decoders, document: Mapping[str, msgspec.Raw], parent: str = ""
) -> tuple[dict[str, Any], list[Fault]]:
    """The values of an object's known fields, and the faults of those that break their type or range."""
    values, faults = {}, []
    for name, decode in decoders.items():
        try:
            if name in document:
                values[name] = decode(document[name])
        except UNDECODABLE as error:
            faults.append(fault_in(error, document[name], _path(parent, name)))
    return values, faults
