"""Rows as loan requests: what becomes of ids, dates and features, and what stops the whole file."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pandas as pd
import pytest

from models.errors import TrainingDataError
from stream_app.commands.send import _oldest_first
from stream_app.errors import InputFileError
from stream_app.events import Decision
from stream_app.tables.messages import request_message
from stream_app.tables.requests import RequestColumns, requests_of
from tests.builders.records import NOW, TOY, Record, toy_pipeline

TABLE = pd.DataFrame({"id": [7, 8], "amount": [10.0, 20.0], "employees": [3, None], "home": ["own", None]})
COLUMNS = RequestColumns(client_id="id")


def test_a_row_is_a_request_that_the_pipeline_decides() -> None:
    messages = [request_message(request) for request in requests_of(TABLE, TOY, COLUMNS, NOW)]
    verdicts = toy_pipeline().judge([Record(value=m.value, key=m.key) for m in messages], NOW).verdicts
    assert [isinstance(verdict, Decision) for verdict in verdicts] == [True, True]
    assert [message.key for message in messages] == [b"7", b"8"]


def test_an_empty_cell_is_null_and_a_feature_without_a_column_is_left_out() -> None:
    [_, second] = requests_of(TABLE.drop(columns="employees"), TOY, COLUMNS, NOW)
    assert json.loads(request_message(second).value or b"")["features"] == {"amount": 20.0, "home": None}


def test_the_same_row_of_the_same_file_makes_the_same_request_id() -> None:
    [first, _], [again, _] = (requests_of(TABLE, TOY, COLUMNS, NOW) for _ in range(2))
    assert first.request_id == again.request_id
    assert first.request_id.startswith("7-1-")


def test_dated_by_a_column_they_are_the_same_requests_later_and_dated_now_they_are_others() -> None:
    later = NOW + dt.timedelta(days=1)
    dated, columns = TABLE.assign(day=["2026-01-01", "2026-01-02"]), RequestColumns(client_id="id", date="day")
    assert requests_of(dated, TOY, columns, NOW) == requests_of(dated, TOY, columns, later)
    first, again = requests_of(TABLE, TOY, COLUMNS, NOW), requests_of(TABLE, TOY, COLUMNS, later)
    assert not {request.request_id for request in first} & {request.request_id for request in again}


def test_another_content_or_another_row_makes_another_request_id() -> None:
    changed = TABLE.assign(amount=[11.0, 20.0])
    twice = pd.concat([TABLE.head(1), TABLE.head(1)])
    ids = {request.request_id for table in (TABLE, changed, twice) for request in requests_of(table, TOY, COLUMNS, NOW)}
    assert len(ids) == 4


def test_a_request_id_column_is_taken_as_it_is() -> None:
    columns = RequestColumns(client_id="id", request_id="case")
    requests = requests_of(TABLE.assign(case=["a", "b"]), TOY, columns, NOW)
    assert [request.request_id for request in requests] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2007-05-01", dt.datetime(2007, 5, 1, tzinfo=dt.UTC)),
        ("2007-05-01T10:00:00+02:00", dt.datetime(2007, 5, 1, 8, tzinfo=dt.UTC)),
        (dt.date(2007, 5, 1), dt.datetime(2007, 5, 1, tzinfo=dt.UTC)),
        (pd.Timestamp("2007-05-01"), dt.datetime(2007, 5, 1, tzinfo=dt.UTC)),
    ],
)
def test_a_date_column_is_the_event_time_in_utc(text: Any, expected: dt.datetime) -> None:
    requests = requests_of(TABLE.assign(on=[text, text]), TOY, RequestColumns(client_id="id", date="on"), NOW)
    assert [request.requested_at for request in requests] == [expected, expected]


def test_without_a_date_column_requests_are_dated_now() -> None:
    assert {request.requested_at for request in requests_of(TABLE, TOY, COLUMNS, NOW)} == {NOW}


@pytest.mark.parametrize("bad", [None, "", "yesterday", "01/02/2007"])
def test_a_date_that_is_none_stops_the_file_and_names_the_row_not_the_value(bad: Any) -> None:
    with pytest.raises(InputFileError, match="row 2") as fault:
        requests_of(TABLE.assign(on=["2007-05-01", bad]), TOY, RequestColumns(client_id="id", date="on"), NOW)
    assert not bad or bad not in str(fault.value)


@pytest.mark.parametrize("missing", ["id", "amount"])
def test_a_table_without_the_id_or_a_required_feature_is_refused(missing: str) -> None:
    with pytest.raises(TrainingDataError, match=f"'{missing}'"):
        requests_of(TABLE.drop(columns=missing), TOY, COLUMNS, NOW)


def test_a_row_without_an_id_stops_the_file() -> None:
    with pytest.raises(InputFileError, match="row 1"):
        requests_of(TABLE.assign(id=pd.Series([None, "b"])), TOY, COLUMNS, NOW)


class Delivery:
    """A delivery that is done or not."""

    def __init__(self, number: int, is_done: bool) -> None:
        self.number, self.is_done = number, is_done


def test_deliveries_are_awaited_in_order_and_none_is_left_out() -> None:
    deliveries = [Delivery(number, number % 3 != 0) for number in range(100)]
    assert [each.number for each in _oldest_first(deliveries)] == list(range(100))


def test_a_delivery_that_is_done_is_not_held_back() -> None:
    handed_out: list[int] = []

    def deliveries() -> Any:
        for number in range(3):
            yield Delivery(number, is_done=True)
            handed_out.append(number)

    taken = _oldest_first(deliveries())
    assert (next(taken).number, handed_out) == (0, [])
