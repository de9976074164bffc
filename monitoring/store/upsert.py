"""One put: decisions, outcomes and positions in one transaction. Whatever is known already stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from monitoring.store.labels import in_runs, put_outcomes
from monitoring.store.meta import Facts, claim_size, write_fact
from monitoring.store.offsets import advance
from monitoring.store.rows import NUL, DecisionRow, OutcomeRow, Put, Stored, without_nul
from monitoring.store.tables import decisions, outcomes

_COLUMNS = ", ".join(DecisionRow._fields)

Row = TypeVar("Row", DecisionRow, OutcomeRow)


def put(db: sa.Connection, given: Put) -> Stored:
    """Store decisions, labels and offsets, all or nothing.

    What is known stays as it is, so putting the same again changes nothing: the first decision on a request, the first
    label, the offset that is further. Labels join their decisions, whichever comes first.
    """
    facts = claim_size(db, given.size)
    stored, joined = _put_decisions(db, _storable(given.decisions), facts)
    said = put_outcomes(db, _storable(given.outcomes), given.size)
    advance(db, given.positions)
    pending = facts.outcomes_pending - joined + said.pending
    if pending != facts.outcomes_pending:
        write_fact(db, "outcomes_pending", pending)
    return replace(
        stored,
        outcomes_new=said.new,
        outcomes_repeated=said.repeated,
        outcomes_contradicting=said.contradicting,
        outcomes_pending=pending,
    )


def _put_decisions(db: sa.Connection, rows: Sequence[DecisionRow], facts: Facts) -> tuple[Stored, int]:
    """Returns also how many outcomes found the decision they waited for."""
    if not rows:
        return Stored(), 0
    last_seq = db.execute(sa.select(sa.func.coalesce(sa.func.max(decisions.c.seq), 0))).scalar_one()
    # One text and plain tuples: the ORM-free Core still makes a dictionary of every row, at half the speed.
    db.exec_driver_sql(_insert(db), list(_late_if_closed(rows, facts.closed_before_us)))
    counted = sa.select(sa.func.count(), sa.func.count().filter(decisions.c.late)).where(decisions.c.seq > last_seq)
    new, late = db.execute(counted).one()
    joined = _join_waiting(db, [row.request_id for row in rows]) if new and facts.outcomes_pending else 0
    return Stored(decisions_new=new, decisions_known=len(rows) - new, late=late), joined


def _insert(db: sa.Connection) -> str:
    marks = ", ".join(["?" if db.dialect.name == "sqlite" else "%s"] * len(DecisionRow._fields))
    return f"INSERT INTO decisions ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (request_id) DO NOTHING"  # noqa: S608 - names of our own fields


def _late_if_closed(rows: Sequence[DecisionRow], closed_before_us: int) -> Sequence[DecisionRow]:
    """A window that was closed while this partition was idle takes no more; its owner may not know that yet."""
    if all(row.requested_at_us >= closed_before_us for row in rows):
        return rows
    return [row._replace(late=row.late or row.requested_at_us < closed_before_us) for row in rows]


def _join_waiting(db: sa.Connection, request_ids: Sequence[str]) -> int:
    """Outcomes that waited for one of these decisions. A new decision is in no closed window: none is told of it."""
    joined = 0
    for some in in_runs(request_ids):
        waiting = outcomes.c.joined.is_(sa.false()) & outcomes.c.request_id.in_(some)
        joined += db.execute(sa.update(outcomes).where(waiting).values(joined=True)).rowcount
    return joined


def _storable(rows: Sequence[Row]) -> Sequence[Row]:
    """Rows whose texts both engines take: one odd id must not stop the stream."""
    if not any(isinstance(column[0], str) and NUL in "".join(column) for column in zip(*rows, strict=True)):
        return rows
    return [_without_nul(row) for row in rows]


def _without_nul(row: Row) -> Row:
    texts: dict[str, Any] = {
        name: without_nul(value) for name, value in row._asdict().items() if isinstance(value, str)
    }
    return row._replace(**texts)
