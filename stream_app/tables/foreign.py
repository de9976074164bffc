"""Foreign records of a file as loan requests, by the scorer's own decoder and a mapping."""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.contract import Contract
from stream_app.errors import InputFileError
from stream_app.events import Rejection, Value
from stream_app.mapping.mapper import RequestMapper
from stream_app.steps.decode import Decoder
from stream_app.steps.decode_foreign import ForeignDecoder
from stream_app.steps.faults import UNDECODABLE
from stream_app.tables.columns import SHOWN_ROWS, Request

MAX_RECORD_BYTES = 1_000_000


def read_foreign_request(file: Path, contract: Contract, mapper: RequestMapper) -> Request:
    """The request of a file with one record. Raises InputFileError with the reason for which a scorer rejects it."""
    [answer] = _answers([_content(file)], contract, mapper)
    if isinstance(answer, Rejection):
        raise InputFileError(
            f"A scorer rejects this record as {answer.reason}: {answer.message}",
            do_next="Correct the mapping or the record.",
        )
    return answer


def read_foreign_requests(file: Path, contract: Contract, mapper: RequestMapper) -> list[Request]:
    """One request a line of JSON Lines. Raises InputFileError naming the lines that do not fit, and why."""
    lines = [line for line in _content(file).split(b"\n") if line.strip()]
    answers = _answers(lines, contract, mapper)
    faults = [
        f"  record {number}: {answer.message}\n"
        for number, answer in enumerate(answers, start=1)
        if isinstance(answer, Rejection)
    ]
    if faults:
        more = f"  and {len(faults) - SHOWN_ROWS} more\n" if len(faults) > SHOWN_ROWS else ""
        raise InputFileError(
            f"{len(faults)} of {len(lines)} records do not fit:\n" + "".join(faults[:SHOWN_ROWS]) + more,
            kept="Nothing was sent.",
            do_next="Correct the mapping or these records.",
        )
    return [answer for answer in answers if not isinstance(answer, Rejection)]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise InputFileError(f"Cannot read {file} ({fault.strerror}).", do_next="Name another file.") from None


def _answers(values: list[bytes], contract: Contract, mapper: RequestMapper) -> list[Request | Rejection]:
    decoder = ForeignDecoder(Decoder(contract, MAX_RECORD_BYTES), mapper, MAX_RECORD_BYTES)
    return [answer for value in values for answer in decoder.decode([Value(_key_of(value, mapper), value)])]


def _key_of(value: bytes, mapper: RequestMapper) -> bytes:
    """The client id as the producer's key should be; nothing where the decoder will say why there is none."""
    try:
        mapped, _ = mapper.map(msgspec.json.decode(value))
    except UNDECODABLE:
        return b""
    return str(mapped.get("client_id", "")).encode()
