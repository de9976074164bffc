"""Decisions and rejections as lines: what is shown, what only on request, and bytes that are no text."""

from __future__ import annotations

import json

import click
import pytest

from stream_app.record_lines import decision_json, decision_line, rejection_json, rejection_line
from tests.samples import NOW, Record, record, request, toy_pipeline

SECRET = b"\xff\x00secret"


def decided(amount: float) -> Record:
    sent = record(request(features={"amount": amount, "employees": 3, "home": "own"}))
    [output] = toy_pipeline().judge([sent], NOW).outputs
    return Record(value=output.value, key=output.key, headers=output.headers)


def rejected(value: bytes | None, key: bytes | None = b"c1") -> Record:
    [output] = toy_pipeline().judge([Record(value=value, key=key, partition=2, offset=9)], NOW).outputs
    return Record(value=output.value, key=output.key, headers=output.headers)


def test_a_decision_line_has_time_outcome_probability_ids_and_reason_codes() -> None:
    line = decision_line(decided(500_000))
    for part in ("2026-01-02T03:04:05Z", "refused", "50.00%", "r1", "c1", "AMT EMP"):
        assert part in line


def test_a_decision_as_json_is_the_published_value() -> None:
    published = decided(1)
    assert decision_json(published).encode() == published.value


@pytest.mark.parametrize("value", [b"{}", b"not json", None])
def test_a_record_that_is_no_decision_does_not_end_the_listing(value: bytes | None) -> None:
    assert "no decision" in decision_line(Record(value=value, offset=4))


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
    [output] = toy_pipeline().judge([Record(value=hostile, key=b"\x1b[2Jc1")], NOW).outputs
    assert "\x1b" not in click.unstyle(decision_line(Record(value=output.value)))


def test_letters_of_any_script_are_shown_as_they_are() -> None:
    assert "Zoë" in rejection_line(rejected(b"{}", key="Zoë".encode()), payload=False)


def test_a_rejection_by_someone_else_without_headers_is_shown_all_the_same() -> None:
    assert json.loads(rejection_json(Record(value=b"x"), payload=False))["source_offset"] is None
