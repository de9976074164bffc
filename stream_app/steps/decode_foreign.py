"""Foreign records to loan requests or rejections: mapped to the contract's form first, then decoded as any other.

So types, ranges and the rule of the key stand in one place. A fault names the field of the contract and the path in the
foreign record that it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stream_app.events import (
    CONTRACT_HEADER,
    Fault,
    Headers,
    LoanRequest,
    RawRecord,
    Rejection,
    RejectionReason,
    Unreadable,
    size_of,
)
from stream_app.mapping.mapper import RequestMapper
from stream_app.steps.decode import Decoder, RequestFormat
from stream_app.steps.faults import UNDECODABLE, fault_in, rejection_of

_decode_json = msgspec.json.Decoder().decode
_encode_json = msgspec.json.Encoder().encode


class MappedRecord(msgspec.Struct, frozen=True, gc=False):
    """A record in the contract's form: ``value`` is not what came."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


class ForeignDecoder:
    """As :class:`~stream_app.steps.decode.Decoder`, for a topic whose records need not be in the contract's form."""

    def __init__(
        self, decoder: Decoder, mapper: RequestMapper, max_request_bytes: int, requests: RequestFormat | None = None
    ) -> None:
        self._to_json = requests.written_json if requests else bytes
        self._decoder, self._mapper, self._max_request_bytes = decoder, mapper, max_request_bytes

    def decode(self, records: Sequence[RawRecord]) -> list[LoanRequest[Any] | Rejection]:
        """One request or one rejection a record, in the records' order."""
        mapped, faults = [], []
        for record in records:
            mapped_record, faults_of_record = self._map(record)
            mapped.append(mapped_record)
            faults.append(faults_of_record)
        answers = self._decoder.decode(mapped)
        return [self._answer(*pair) for pair in zip(mapped, faults, answers, strict=True)]

    def _map(self, record: RawRecord) -> tuple[RawRecord, list[Fault]]:
        """The record in the contract's form, as far as it fits; itself if it is in that form, or has none."""
        value = record.value
        if value is None or isinstance(value, Unreadable) or size_of(record) > self._max_request_bytes:
            return record, []
        if CONTRACT_HEADER in record.headers:
            return record, []
        try:
            document, faults = self._mapper.map(_decode_json(self._to_json(value)))
        except UNDECODABLE as error:
            return record, [fault_in(error, value)]
        place = record.topic, record.partition, record.offset, record.timestamp
        return MappedRecord(*place, record.key, _encode_json(document)), faults

    def _answer(
        self, mapped: RawRecord, faults: list[Fault], answer: LoanRequest[Any] | Rejection
    ) -> LoanRequest[Any] | Rejection:
        if isinstance(answer, Rejection) and isinstance(mapped, MappedRecord):
            named = {fault.field for fault in faults}  # what did not fit is missing in the contract's form
            faults = [*faults, *(self._with_path(fault) for fault in answer.faults if fault.field not in named)]
        return rejection_of(faults) if faults else answer

    def _with_path(self, fault: Fault) -> Fault:
        path = self._mapper.paths().get(fault.field)
        if path is None:
            return fault
        if fault.reason is RejectionReason.MISSING_FIELD:
            return msgspec.structs.replace(fault, rule=f"`{path}` is missing")
        return msgspec.structs.replace(fault, rule=f"{fault.rule}, from `{path}`")
