"""Labels that came before their decision: joined when it comes, or kept apart where it names another client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring.store.labels import in_batches
from monitoring.store.rows import LabelRow
from monitoring.store.tables import contradictions, decisions, insert_unless_known, labels

_COLUMNS = LabelRow._fields


class Joined(NamedTuple):
    """How many labels wait no longer, and how many of them were of another client."""

    labels: int = 0
    of_other_clients: int = 0


def join_waiting(db: sa.Connection, request_ids: Sequence[str]) -> Joined:
    """Join labels that waited for these decisions, which are new and so in no closed window: no count rises."""
    joined = apart = 0
    for batch in in_batches(request_ids):
        waiting = labels.c.joined.is_(sa.false()) & labels.c.request_id.in_(batch)
        joined += db.execute(sa.update(labels).where(waiting, _same_client(labels)).values(joined=True)).rowcount
        if others := db.execute(sa.select(*(labels.c[name] for name in _COLUMNS)).where(waiting)).all():
            apart += len(others)
            _replace(db, [row._asdict() for row in others])
    return Joined(joined + apart, apart)


def _same_client(table: sa.Table) -> Any:
    same_request = decisions.c.request_id == table.c.request_id
    return sa.exists().where(same_request, decisions.c.client_id == table.c.client_id)


def _replace(db: sa.Connection, others: Sequence[dict[str, Any]]) -> None:
    """Keep these apart; the first label of the right client, which was kept apart as another's than theirs, counts."""
    request_ids = [row["request_id"] for row in others]
    db.execute(sa.delete(labels).where(labels.c.request_id.in_(request_ids)))
    right = contradictions.c.other_client & contradictions.c.request_id.in_(request_ids) & _same_client(contradictions)
    first = sa.select(sa.func.min(contradictions.c.id)).where(right).group_by(contradictions.c.request_id)
    numbers = db.execute(first).scalars().all()
    found = sa.select(*(contradictions.c[name] for name in _COLUMNS)).where(contradictions.c.id.in_(numbers))
    if rows := db.execute(found).all():
        db.execute(sa.insert(labels), [{**row._asdict(), "joined": True} for row in rows])
        db.execute(sa.delete(contradictions).where(contradictions.c.id.in_(numbers)))
    db.execute(insert_unless_known(db, contradictions), [{**row, "other_client": True} for row in others])
