"""Replaces the ids of a plain store by their pseudonyms, in place and all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from monitoring.store.meta import read_facts, write_fact
from monitoring.store.pseudonyms import Ids, check_ids, named
from monitoring.store.tables import contradictions, decisions, labels

_ROWS = 5_000


def pseudonymise(db: sa.Connection, ids: Ids) -> int:
    """Rewrite every decision and label. Returns the number of decisions. Raises StoreError when the store has
    pseudonyms already.
    """
    facts = read_facts(db)
    if facts.ids_check:
        check_ids(db, facts, Ids())
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")  # overwrites in the file what is replaced
    count = 0
    for rows in _batches(db, decisions, decisions.c.seq):
        _update(db, decisions, decisions.c.seq, [_decision(row, ids) for row in rows])
        count += len(rows)
    for rows in _batches(db, contradictions, contradictions.c.id):
        _update(db, contradictions, contradictions.c.id, [_ids(row, ids, "id") for row in rows])
    _labels(db, ids)
    write_fact(db, "ids_check", ids.check)
    return count


def _labels(db: sa.Connection, ids: Ids) -> None:
    """The request id is their key: all are read before the first is changed."""
    known = db.execute(sa.select(labels.c.request_id, labels.c.client_id)).all()
    changes = [
        {"key": row.request_id, "request_id": ids.request(row.request_id), "client_id": ids.client(row.client_id)}
        for row in known
    ]
    for start in range(0, len(changes), _ROWS):
        _update(db, labels, labels.c.request_id, changes[start : start + _ROWS])


def _batches(db: sa.Connection, table: sa.Table, number: sa.Column[Any]) -> Iterator[list[Any]]:
    last = -1
    while rows := list(db.execute(sa.select(table).where(number > last).order_by(number).limit(_ROWS))):
        yield rows
        last = getattr(rows[-1], number.name)


def _decision(row: Any, ids: Ids) -> dict[str, Any]:
    change = _ids(row, ids, "seq")
    names = {"request_id": change["request_id"], "client_id": change["client_id"]}
    return change | {"record": named(row.record.encode(), **names).decode()}


def _ids(row: Any, ids: Ids, key: str) -> dict[str, Any]:
    return {
        "key": getattr(row, key),
        "request_id": ids.request(row.request_id),
        "client_id": ids.client(row.client_id),
    }


def _update(db: sa.Connection, table: sa.Table, key: sa.Column[Any], changes: list[dict[str, Any]]) -> None:
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in changes[0] if name != "key"}
    renamed = [{"key": row["key"]} | {f"new_{name}": row[name] for name in row if name != "key"} for row in changes]
    db.execute(sa.update(table).where(key == sa.bindparam("key")).values(values), renamed)
