"""Decisions and rejections as lines: aligned for people, one JSON object each, or rows of CSV."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
from typing import Annotated, Any

import click
import msgspec

from stream_app.events import RawRecord
from stream_app.formats.format import Format

_LONGEST_NUMBER = len(str(2**63))
_COLOURS = {"approved": "green", "review": "yellow", "refused": "red"}

DECISIONS_HEADER = f"{'decided at':<20} {'outcome':<8} {'default':>7}  {'request':<40} {'client':<16} reasons"
DECISIONS_CSV_HEADER = "timestamp,client_id,score,decision,response_time_ms,request_id"
REJECTIONS_HEADER = f"{'rejected at':<20} {'reason':<24} {'source':<28} {'key':<16} message"


class _Reason(msgspec.Struct):
    code: str


class _Decision(msgspec.Struct):
    """What a line shows of a decision; another producer's extra fields do no harm."""

    request_id: str
    client_id: str
    decided_at: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    outcome: str
    probability_of_default: float
    reasons: tuple[_Reason, ...]


_decode = msgspec.json.Decoder(_Decision).decode


def with_json_value(record: Any, decisions: Format) -> Any:
    """The record with its value in JSON; one whose value is no decision stays as it is. Raises RegistryError."""
    try:
        return record._replace(value=decisions.to_json(record.value or b""))
    except (msgspec.DecodeError, RecursionError):
        return record


def _decision(record: RawRecord) -> _Decision | None:
    """The decision in a record, dated in UTC; None when the record holds something else."""
    try:
        decision = _decode(record.value or b"")
        return msgspec.structs.replace(decision, decided_at=decision.decided_at.astimezone(dt.UTC))
    except (
        ValueError,
        OverflowError,
        RecursionError,
    ):  # no JSON, no UTF-8; before the year 1 in UTC; nested without end
        return None


def decision_line(record: RawRecord) -> str:
    """One decision for people; ``default`` is the probability of default."""
    if (decision := _decision(record)) is None:
        return f"(no decision: offset {record.offset} of partition {record.partition} holds something else)"
    outcome = click.style(f"{_printable(decision.outcome):<8}", fg=_COLOURS.get(decision.outcome))
    reasons = " ".join(reason.code for reason in decision.reasons)
    return (
        f"{_time(decision.decided_at):<20} {outcome} {decision.probability_of_default:>7.2%}  "
        f"{_printable(decision.request_id):<40} {_printable(decision.client_id):<16} {_printable(reasons)}"
    )


def decision_json(record: RawRecord) -> str:
    """The decision as it was published."""
    return (record.value or b"null").decode(errors="replace")


def decision_csv(record: RawRecord) -> str | None:
    """One decision as a row of CSV (RFC 4180, without the line's end), None when the record is none.

    ``score`` is the probability of default, higher is riskier; ``decision`` is approved, review or refused.
    """
    if (decision := _decision(record)) is None:
        return None
    cells = (
        decision.decided_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        decision.client_id,
        repr(decision.probability_of_default),
        decision.outcome,
        _response_time_ms(record),
        decision.request_id,
    )
    row = io.StringIO()
    csv.writer(row).writerow(cells)  # ends with CR LF, and quotes what holds either
    return row.getvalue()[:-2]


def _response_time_ms(record: RawRecord) -> int | None:
    """From the request record's own time, its producer's as a rule, to the decision record's, when it was published.

    None where it is not known: no ``source-timestamp`` header, or clocks that contradict each other. Event time
    (``requested_at``) is no help: a replayed request was made years ago.
    """
    sent = _number(_headers(record).get("source-timestamp"))
    return record.timestamp - sent if sent and sent <= record.timestamp else None


def rejection_line(record: Any, payload: bool) -> str:
    """One rejection for people; with ``payload`` the rejected value on a second line, which is personal data."""
    fields = rejection_fields(record, payload)
    if not any(name == "rejection-reason" for name, _ in record.headers):
        return f"(no rejection: offset {record.offset} of partition {record.partition} holds something else)"
    time = _time_of_record(record)
    source = "/".join(_shown(fields, f"source_{name}") for name in ("topic", "partition", "offset"))
    reason, key, message = (_shown(fields, name) for name in ("reason", "key", "message"))
    line = f"{time:<20} {reason:<24} {source:<28} {key:<16} {message}"
    return f"{line}\n  {_shown(fields, 'value')}" if payload else line


def rejection_json(record: RawRecord, payload: bool) -> str:
    """One rejection as JSON; ``value`` only with ``payload``."""
    return msgspec.json.encode(rejection_fields(record, payload)).decode()


def rejection_fields(record: RawRecord, payload: bool) -> dict[str, object]:
    """Reason, message, source position and attempt from the headers; key and value as text, or in base64 under
    ``key_base64`` and ``value_base64`` where they are no text.
    """
    headers = _headers(record)
    fields: dict[str, object] = {
        "reason": headers.get("rejection-reason", ""),
        "message": headers.get("rejection-message", ""),
        "source_topic": headers.get("source-topic", ""),
        "source_partition": _number(headers.get("source-partition")),
        "source_offset": _number(headers.get("source-offset")),
        "attempt": _number(headers.get("attempt")),
        **_text("key", record.key),
    }
    if payload:
        fields |= _text("value", record.value)
        if omitted := headers.get("value-omitted-bytes"):
            fields["value_omitted_bytes"] = _number(omitted)
    return fields


def _headers(record: RawRecord) -> dict[str, str | None]:
    """Headers as text, as Kafka lets anybody write them: a value may be null or no UTF-8."""
    return {name: None if value is None else bytes(value).decode(errors="replace") for name, value in record.headers}


def _text(name: str, content: bytes | None) -> dict[str, object]:
    if content is None:
        return {name: None}
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}


def _shown(fields: dict[str, object], name: str) -> str:
    """A field on one line, whatever control characters it holds."""
    if f"{name}_base64" in fields:
        return f"base64:{fields[f'{name}_base64']}"
    content = fields[name]
    return "null" if content is None else _printable(str(content))


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _number(text: str | None) -> int | None:
    """A count or an offset; None where a header holds something else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER else None


def _time_of_record(record: RawRecord) -> str:
    """``unknown`` where Kafka has none, which it writes as -1, or a producer wrote one beyond the year 9999."""
    try:
        return _time(dt.datetime.fromtimestamp(record.timestamp / 1000, dt.UTC)) if record.timestamp >= 0 else "unknown"
    except (ValueError, OverflowError):
        return "unknown"


def _time(utc: dt.datetime) -> str:
    return f"{utc:%Y-%m-%dT%H:%M:%SZ}"
