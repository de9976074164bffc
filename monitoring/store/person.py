"""What the store holds of a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from monitoring.store.pseudonyms import Ids
from monitoring.store.rows import without_nul
from monitoring.store.tables import contradictions, decisions, labels, windows


class HeldLabel(msgspec.Struct, frozen=True):
    """A label of the person; ``contradicts``: another one of the same request, which was first and counts."""

    request_id: str
    client_id: str
    defaulted: bool
    observed_at_us: int
    contradicts: bool


class Held(msgspec.Struct, frozen=True):
    """Everything about one person, ids as the store has them. ``decisions``: JSON, features and reasons included.

    ``windows``: ids of closed windows that the decisions are in, whose reports were drawn from them among others.
    """

    client_id: str
    decisions: list[msgspec.Raw]
    labels: list[HeldLabel]
    windows: list[str]


@dataclass(frozen=True)
class Person:
    """Which rows are a person's, by the store's ids: the decisions, and labels of them or under the client's id."""

    client_id: str

    @property
    def decisions(self) -> sa.ColumnElement[bool]:
        """Where a row of the decisions is the person's."""
        return decisions.c.client_id == self.client_id

    def labels(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Where a row of the labels, or of the contradictions, is."""
        requests = sa.select(decisions.c.request_id).where(self.decisions)
        return (table.c.client_id == self.client_id) | table.c.request_id.in_(requests)


def person(client_id: str, ids: Ids) -> Person:
    """The person with the producers' client id."""
    return Person(without_nul(ids.client(client_id)))


def held(db: sa.Connection, ids: Ids, client_id: str) -> Held:
    """What is stored of the client with this id of the producers'."""
    who = person(client_id, ids)
    records = sa.select(decisions.c.record).where(who.decisions).order_by(decisions.c.seq)
    return Held(
        client_id=who.client_id,
        decisions=[msgspec.Raw(record.encode()) for record in db.execute(records).scalars()],
        labels=[*_labels(db, who, labels), *_labels(db, who, contradictions)],
        windows=list(db.execute(_windows(who)).scalars()),
    )


def _labels(db: sa.Connection, who: Person, table: sa.Table) -> Iterable[HeldLabel]:
    columns = (table.c.request_id, table.c.client_id, table.c.defaulted, table.c.observed_at_us)
    rows = db.execute(sa.select(*columns).where(who.labels(table)).order_by(table.c.observed_at_us))
    return (HeldLabel(*row, contradicts=table is contradictions) for row in rows)


def _windows(who: Person) -> sa.Select[Any]:
    at_us, seq = decisions.c.requested_at_us, decisions.c.seq
    by_time = (windows.c.kind == "time") & (at_us >= windows.c.start_us) & (at_us < windows.c.end_us)
    by_count = (windows.c.kind == "count") & seq.between(windows.c.first_seq, windows.c.last_seq)
    both = windows.join(decisions, by_time | by_count)
    return sa.select(windows.c.id).select_from(both).where(who.decisions).distinct().order_by(windows.c.id)
