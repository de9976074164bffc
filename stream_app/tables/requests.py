"""Rows of a user's table as loan requests, and sending them with kafka-python, every delivery awaited."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from models.contract import Contract
from models.errors import TrainingDataError
from models.table import need_columns
from stream_app.demo.loan_book import Message, Request
from stream_app.errors import DeliveryFailed
from stream_app.events import MAX_REQUEST_ID, LoanRequest
from stream_app.tables.columns import FeatureObject, feature_objects, id_column, utc_dates

if TYPE_CHECKING:
    from kafka import KafkaProducer

MAX_UNDER_WAY = 10_000
DELIVERY_SECONDS = 60.0
CLOSE_SECONDS = 5.0


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns say who asks, under which id and when; None: see :func:`requests_of`."""

    client_id: str
    request_id: str | None = None
    date: str | None = None


def requests_of(table: pd.DataFrame, contract: Contract, columns: Columns, now: dt.datetime) -> list[Request]:
    """One request a row.

    Columns that are features of the contract become the request's features, an empty cell null; features that are no
    columns are left to the client's profile. Without a request id column the id is made of client id, row number and
    a digest of features and date, so that sending the same file again repeats the same requests, which are decided
    once. Without a date column the requests are dated ``now``: sent again they are other requests. Raises
    TrainingDataError or InputFileError naming the columns and rows at fault.
    """
    required = [feature.name for feature in contract.features if feature.required]
    named = [name for name in (columns.client_id, columns.request_id, columns.date) if name]
    need_columns(table, [*named, *required])
    clients = id_column(table, columns.client_id, contract)
    features = feature_objects(table, contract)
    if not features:
        raise TrainingDataError("The table has no column that is a feature of the contract.", do_next="Add some.")
    dates = utc_dates(table[columns.date], ", or leave --date out") if columns.date else [now] * len(table)
    ids = (
        id_column(table, columns.request_id, contract, MAX_REQUEST_ID)
        if columns.request_id
        else [_made_id(row, *parts) for row, parts in enumerate(zip(clients, dates, features, strict=True), 1)]
    )
    return [LoanRequest(*parts) for parts in zip(ids, clients, dates, features, strict=True)]


def _made_id(row: int, client_id: str, date: dt.datetime, features: FeatureObject) -> str:
    digest = hashlib.blake2b(msgspec.json.encode([date, features]), digest_size=4).hexdigest()
    return f"{client_id}-{row}-{digest}"


def send(
    messages: Iterable[Message], bootstrap: str, topic: str, rate: float | None, sent_one_more: Callable[[], None]
) -> int:
    """Send the messages and wait for every delivery; ``sent_one_more`` hears of each. Returns how many the broker has.

    ``rate``: messages per second, None for as fast as the broker takes them. Raises DeliveryFailed.
    """
    delivered = 0
    with _producer(bootstrap) as producer:
        futures = (producer.send(topic, value=each.value, key=each.key) for each in _paced(messages, rate))
        for future in _oldest_first(futures):
            _await(future, delivered)
            delivered += 1
            sent_one_more()
    return delivered


def _oldest_first(futures: Iterable[Any]) -> Iterator[Any]:
    """The futures in their order, each when it is done or ``MAX_UNDER_WAY`` younger ones wait behind it."""
    under_way: deque[Any] = deque()
    for future in futures:
        under_way.append(future)
        while under_way and (under_way[0].is_done or len(under_way) > MAX_UNDER_WAY):
            yield under_way.popleft()
    yield from under_way


def _paced(messages: Iterable[Message], rate: float | None) -> Iterator[Message]:
    started = time.monotonic()
    for number, message in enumerate(messages):
        if rate:
            time.sleep(max(0.0, started + number / rate - time.monotonic()))
        yield message


@contextlib.contextmanager
def _producer(bootstrap: str) -> Iterator[KafkaProducer]:
    from kafka import KafkaProducer  # noqa: PLC0415 - late, as every Kafka client

    producer = KafkaProducer(
        bootstrap_servers=bootstrap.split(","),
        linger_ms=5,
        batch_size=128 * 1024,
        delivery_timeout_ms=int(DELIVERY_SECONDS * 1000),
        allow_auto_create_topics=False,
    )
    try:
        yield producer
    finally:
        producer.close(timeout=CLOSE_SECONDS)


def _await(future: Any, delivered: int) -> None:
    from kafka.errors import KafkaError  # noqa: PLC0415

    try:
        future.get(timeout=DELIVERY_SECONDS)
    except KafkaError as fault:
        raise DeliveryFailed(
            f"The broker did not take a record ({type(fault).__name__}).",
            kept=f"{delivered:,} records before it are on the broker; some after it may be.",
            do_next="Check the broker and send the file again; with --date, what it has is not decided a second time.",
        ) from fault
