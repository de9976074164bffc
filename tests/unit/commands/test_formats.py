"""Decisions and rejections as lines: what is shown, what only on request, and bytes that are no text."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import click
import pytest

from stream_app.commands.formats import (
    DECISIONS_CSV_HEADER,
    DECISIONS_HEADER,
    decision_csv,
    decision_json,
    decision_line,
    rejection_json,
    rejection_line,
)
from tests.builders.records import Record, output_of, published, record, request

SECRET = b"\xff\x00secret"


def decided(amount: float) -> Record:
    sent = record(request(features={"amount": amount, "employees": 3, "home": "own"}))
    return published(output_of(sent))


def rejected(value: bytes | None, key: bytes | None = b"c1") -> Record:
    return published(output_of(Record(value=value, key=key, partition=2, offset=9)))


def test_a_decision_line_has_time_outcome_probability_ids_and_reason_codes() -> None:
    line = decision_line(decided(500_000))
    for part in ("2026-01-02T03:04:05Z", "refused", "50.00%", "r1", "c1", "AMT EMP"):
        assert part in line


def test_a_decision_as_json_is_the_published_value() -> None:
    decision = decided(1)
    assert decision_json(decision).encode() == decision.value


@pytest.mark.parametrize("value", [b"{}", b"not json", None])
def test_a_record_that_is_no_decision_does_not_end_the_listing(value: bytes | None) -> None:
    assert "no decision" in decision_line(Record(value=value, offset=4))


def cells(record: Record) -> dict[str, str]:
    """A row of CSV as a reader of CSV takes it."""
    [row] = csv.DictReader(io.StringIO(f"{DECISIONS_CSV_HEADER}\n{decision_csv(record)}\n", newline=""))
    return row


def published_at(at_ms: int, **changes: Any) -> Record:
    """A decision that was published at this time, on a request with these attributes."""
    return published(output_of(record(**changes)), timestamp=at_ms)


def test_a_row_of_csv_has_time_client_probability_of_default_outcome_response_time_and_id() -> None:
    assert cells(published_at(5_042, timestamp=5_000)) == {
        "timestamp": "2026-01-02T03:04:05.000Z",
        "client_id": "c1",
        "score": "0.05",
        "decision": "approved",
        "response_time_ms": "42",
        "request_id": "r1",
    }


@pytest.mark.parametrize("client_id", ['a,"b"', "a;b", " a ", "line\nbreak", "a\rb", "é"])
def test_a_row_of_csv_keeps_whatever_is_in_a_client_id(client_id: str) -> None:
    asked = record(request(client_id=client_id), key=client_id.encode())
    assert cells(published(output_of(asked)))["client_id"] == client_id


@pytest.mark.parametrize(("sent", "came"), [(5_000, 4_999), (-1, 5_000)], ids=["clocks differ", "no time"])
def test_a_response_time_that_is_not_known_is_empty(sent: int, came: int) -> None:
    assert cells(published_at(came, timestamp=sent))["response_time_ms"] == ""


def test_a_decision_of_an_older_scorer_has_no_response_time() -> None:
    older = published_at(5_000, timestamp=4_000)
    older.headers = [(name, value) for name, value in older.headers if name != "source-timestamp"]
    assert cells(older)["response_time_ms"] == ""


@pytest.mark.parametrize("value", [b"{}", b"not json", None])
def test_a_record_that_is_no_decision_is_no_row(value: bytes | None) -> None:
    assert decision_csv(Record(value=value)) is None


def test_a_rejection_shows_reason_message_key_and_source_and_not_what_was_sent() -> None:
    fields = json.loads(rejection_json(rejected(SECRET), payload=False))
    assert fields == {
        "reason": "not_json",
        "message": "The value is not a JSON document in UTF-8.",
        "source_topic": "loan.requests",
        "source_partition": 2,
        "source_offset": 9,
        "attempt": 1,
        "key": "c1",
    }
    line = rejection_line(rejected(SECRET), payload=False)
    assert "loan.requests/2/9" in line
    assert "secret" not in line


def test_what_was_sent_is_shown_on_request_as_text_or_in_base64() -> None:
    assert json.loads(rejection_json(rejected(b"{ok"), payload=True))["value"] == "{ok"
    assert json.loads(rejection_json(rejected(SECRET), payload=True))["value_base64"] == "/wBzZWNyZXQ="
    assert json.loads(rejection_json(rejected(None), payload=True))["value"] is None


def test_a_key_that_is_no_text_is_shown_in_base64() -> None:
    assert json.loads(rejection_json(rejected(b"{}", key=b"\xff"), payload=False))["key_base64"] == "/w=="


def test_control_characters_of_a_key_do_not_reach_the_terminal() -> None:
    line = rejection_line(rejected(b"{}", key=b"\x1b[2Jc1"), payload=False)
    assert "\x1b" not in line
    assert "\\x1b[2Jc1" in line


def test_control_characters_of_a_client_id_do_not_reach_the_terminal() -> None:
    hostile = request(client_id="\x1b[2Jc1")
    line = decision_line(published(output_of(Record(value=hostile, key=b"\x1b[2Jc1"))))
    assert "\x1b" not in click.unstyle(line)


def test_letters_of_any_script_are_shown_as_they_are() -> None:
    assert "Zoë" in rejection_line(rejected(b"{}", key="Zoë".encode()), payload=False)


def test_a_rejection_by_someone_else_without_headers_is_shown_all_the_same() -> None:
    assert json.loads(rejection_json(Record(value=b"x"), payload=False))["source_offset"] is None


NO_TEXT = "\ufffd"
STRANGE = [
    ("rejection-reason", None),
    ("rejection-message", b"\xff"),
    ("source-topic", None),
    ("attempt", b"9" * 5_000),
]


def test_a_header_that_is_null_or_no_text_is_shown_and_does_not_end_the_listing() -> None:
    odd = Record(value=None, key=None, headers=STRANGE)  # type: ignore[arg-type]  # as Kafka lets anybody write them
    assert json.loads(rejection_json(odd, payload=True)) == {
        "reason": None,
        "message": NO_TEXT,
        "source_topic": None,
        "source_partition": None,
        "source_offset": None,
        "attempt": None,
        "key": None,
        "value": None,
    }
    line, value = rejection_line(odd, payload=True).splitlines()
    assert line.split()[1:] == ["null", "null/null/null", "null", NO_TEXT]
    assert value == "  null"


@pytest.mark.parametrize("timestamp", [-1, 10**18])
def test_a_record_without_a_time_that_can_be_shown_is_listed_all_the_same(timestamp: int) -> None:
    odd = Record(value=b"x", headers=[("rejection-reason", b"not_json")], timestamp=timestamp)
    assert rejection_line(odd, payload=False).startswith("unknown ")


@pytest.mark.parametrize("digits", ["²", "٣", "-1", "1e3", ""])
def test_a_header_that_is_no_plain_number_is_null(digits: str) -> None:
    odd = Record(value=b"x", headers=[("attempt", digits.encode())])
    assert json.loads(rejection_json(odd, payload=False))["attempt"] is None


def test_a_null_header_leaves_the_response_time_of_a_decision_empty() -> None:
    odd = published_at(5_000, timestamp=4_000)
    odd.headers = [("source-timestamp", None)]  # type: ignore[list-item]  # Kafka allows it
    assert cells(odd)["response_time_ms"] == ""


@pytest.mark.parametrize("decided_at", ["2026-01-02T03:04:05", "0001-01-01T00:00:00+14:00"])
def test_a_decision_whose_time_is_none_in_utc_is_no_decision(decided_at: str) -> None:
    value = json.loads(decided(1).value or b"") | {"decided_at": decided_at}
    odd = Record(value=json.dumps(value).encode())
    assert "no decision" in decision_line(odd)
    assert decision_csv(odd) is None


def test_the_columns_stay_under_the_ids_the_gateway_gives() -> None:
    own = request(request_id="predict-" + "0" * 32, client_id="c1")
    line = click.unstyle(decision_line(published(output_of(Record(value=own, key=b"c1")))))
    assert line.index(" c1 ") + 1 == DECISIONS_HEADER.index("client")


def test_a_record_nested_without_end_is_a_line_too() -> None:
    assert decision_line(Record(b'{"request_id":' + b"[" * 100_000)).startswith("(no decision: offset 0")
    assert decision_csv(Record(b'{"x":' * 100_000)) is None


def test_a_foreign_record_on_the_topic_of_rejections_is_named_by_its_place() -> None:
    assert rejection_line(record(offset=5, partition=2), payload=True) == (
        "(no rejection: offset 5 of partition 2 holds something else)"
    )
