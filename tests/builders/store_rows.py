"""Rows and drift events for the store's tests; what a test does not name is of no interest to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from monitoring.event_time import WindowSize
from monitoring.store import DecisionRow, DecisionStore, LabelRow, Put, Stored

HOUR, DAY = 3_600_000_000, 86_400_000_000
DAILY = WindowSize.parse("1d")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def decision(request_id: str = "r1", at_us: int = 0, **changes: Any) -> DecisionRow:
    """A timely decision requested at this time, 0.25 likely to default."""
    row = DecisionRow(
        request_id, "c1", at_us, at_us + 1, "approved", 0.25, "v1", False, f'{{"request_id":"{request_id}"}}', 0, 7
    )
    return row._replace(**changes)


def label(request_id: str = "r1", defaulted: bool = True, at_us: int = 900 * DAY, client_id: str = "c1") -> LabelRow:
    return LabelRow(request_id, client_id, defaulted, at_us, 0, 7)


def put(
    store: DecisionStore,
    decisions: Sequence[DecisionRow] = (),
    labels: Sequence[LabelRow] = (),
    offsets: Any = None,
    size: WindowSize = DAILY,
) -> Stored:
    return store.put(Put(decisions, labels, offsets or {}, size))


def day_of(store: DecisionStore, rows: int, day: int = 0, name: str = "r") -> None:
    """Decisions ``r0``, ``r1``..., an hour apart, on this day."""
    put(store, [decision(f"{name}{n}", day * DAY + n * HOUR) for n in range(rows)])


def engine_of(url: str) -> sa.Engine:
    """A database as somebody with a shell would open it, by path or URL."""
    place = sa.make_url(url).set(drivername="postgresql+psycopg") if "://" in url else f"sqlite:///{url}"
    return sa.create_engine(place, poolclass=sa.pool.NullPool)
