"""The reader: which request an output answers, and how."""

from __future__ import annotations

import pytest

from stream_app.demo.reader import FROM_THE_GATEWAY, answer_of, is_of_the_replay
from stream_app.gateway.request_reply import REPLY_TO
from stream_app.tables.messages import DECISION
from tests.builders.records import Record, output_of, published, record, request


def test_a_decision_answers_the_request_at_its_source_position() -> None:
    sent = record(request(features={"amount": 500_000, "employees": 1, "home": "own"}), partition=3, offset=41)
    position, answer = answer_of(published(output_of(sent)), read_at=1.5)
    assert position == (3, 41)
    assert (answer.read_at, answer.kind, answer.request_id, answer.outcome) == (1.5, DECISION, "r1", "refused")
    assert answer.probability_of_default == pytest.approx(0.5)


@pytest.mark.parametrize("value", [b"not json", None])
def test_a_rejection_answers_with_its_reason_whatever_bytes_it_carries(value: bytes | None) -> None:
    position, answer = answer_of(published(output_of(Record(value=value, partition=1, offset=7))), read_at=0.0)
    assert position == (1, 7)
    assert answer.kind == ("tombstone" if value is None else "not_json")


def test_answers_to_who_tries_the_dashboard_meanwhile_are_not_the_replays() -> None:
    assert is_of_the_replay(published(output_of(record())))
    assert not is_of_the_replay(published(output_of(record(headers=[(REPLY_TO, b"gateway")]))))
    assert FROM_THE_GATEWAY == REPLY_TO
