"""Decisions out of the store: those of a window or a stretch of time in columns, one by its request, and counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from monitoring.store.labels import rows_with
from monitoring.store.meta import read_facts
from monitoring.store.pseudonyms import Ids
from monitoring.store.rows import Counts, Rows, WindowKey, without_nul
from monitoring.store.tables import contradictions, decisions, labels, windows
from stream_app.errors import StoreError

_COLUMNS = sa.select(
    decisions.c.record,
    decisions.c.probability_of_default,
    decisions.c.outcome,
    decisions.c.model_version,
    labels.c.defaulted,
).select_from(decisions.outerjoin(labels, decisions.c.request_id == labels.c.request_id))
_BY_REQUEST = (decisions.c.requested_at_us, decisions.c.request_id)
"""The same order however the partitions were interleaved, so that the same sums come out to the last bit."""


def rows_of(db: sa.Connection, key: WindowKey, limit: int | None = None) -> Rows:
    """The timely decisions of a closed window with the labels known now; evenly chosen ones if more than ``limit``.

    Raises StoreError when the retention has removed some of them.
    """
    if key.start_us < read_facts(db).removed_before_us:
        raise StoreError(
            f"The decisions of window {key.id} are no longer in the decision store: they were older than its "
            "retention.",
            kept="What was computed of the window is still there.",
            do_next="A longer STREAM_APP_RETENTION_DAYS keeps those to come for longer.",
        )
    if key.kind == "count":
        return _rows(db, decisions.c.seq.between(key.first_seq, key.last_seq), (decisions.c.seq,), limit)
    return rows_between(db, key.start_us, key.end_us, limit)


def rows_between(db: sa.Connection, start_us: int, end_us: int, limit: int | None = None) -> Rows:
    """The timely decisions requested from ``start_us`` to before ``end_us``, in the same way."""
    requested = decisions.c.requested_at_us
    return _rows(db, (requested >= start_us) & (requested < end_us), _BY_REQUEST, limit)


def _rows(db: sa.Connection, within: Any, order: Sequence[Any], limit: int | None) -> Rows:
    counted = sa.select(sa.func.count(), sa.func.count().filter(decisions.c.late)).where(within)
    rows, late = db.execute(counted).one()
    timely, total = within & decisions.c.late.is_(sa.false()), rows - late
    if limit is not None and total > limit:
        return _columns(_sample(db, timely, order, limit), late, total)
    return _columns(db.execute(_COLUMNS.where(timely).order_by(*order)).all(), late, total)


def _sample(db: sa.Connection, timely: Any, order: Sequence[Any], limit: int) -> list[Any]:
    """Evenly spaced rows, the same ones each time."""
    seqs = db.execute(sa.select(decisions.c.seq).where(timely).order_by(*order)).scalars().all()
    chosen = [seqs[n * len(seqs) // limit] for n in range(limit)]
    return list(rows_with(db, _COLUMNS.order_by(*order), decisions.c.seq, chosen))


def _columns(rows: Sequence[Any], late: int, total: int) -> Rows:
    records, probability, outcome, model_version, defaulted = zip(*rows, strict=True) if rows else ((),) * 5
    return Rows(
        records=list(records),
        probability=np.array(probability, dtype=np.float64),
        outcome=list(outcome),
        model_version=list(model_version),
        defaulted=np.array([np.nan if known is None else known for known in defaulted], dtype=np.float64),
        late=late,
        total=total,
    )


def records_of(db: sa.Connection, request_ids: Iterable[str], ids: Ids) -> dict[str, bytes]:
    """The JSON of the decisions on these requests, those there are, by request id.

    As it was on the topic; in a store with pseudonyms the client's is in it. There a request is found by its own id,
    which then is in the record, and by its pseudonym.
    """
    asked = {without_nul(stored): request_id for request_id in request_ids for stored in _stored(ids, request_id)}
    query = sa.select(decisions.c.request_id, decisions.c.record)
    rows = rows_with(db, query, decisions.c.request_id, asked)
    return {asked[stored]: ids.with_request(record.encode(), asked[stored]) for stored, record in rows}


def _stored(ids: Ids, request_id: str) -> set[str]:
    return {request_id, ids.request(request_id)}


def newest_records(db: sa.Connection, most: int) -> list[bytes]:
    """The JSON of the decisions stored last, the newest first."""
    newest = sa.select(decisions.c.record).order_by(decisions.c.seq.desc()).limit(most)
    return [record.encode() for record in db.execute(newest).scalars()]


def newest_scores(db: sa.Connection, after_seq: int, most: int) -> tuple[int, list[float]]:
    """Probabilities of default of the decisions stored last, beyond sequence number ``after_seq`` and at most ``most``,
    oldest first; and the last number.
    """
    columns = (decisions.c.seq, decisions.c.probability_of_default)
    newest = sa.select(*columns).where(decisions.c.seq > after_seq).order_by(decisions.c.seq.desc()).limit(most)
    rows = db.execute(newest).all()[::-1]
    return (rows[-1].seq if rows else after_seq), [row.probability_of_default for row in rows]


def outcomes_after(db: sa.Connection, after_seq: int, most: int) -> tuple[int, dict[str, int]]:
    """How many of each outcome are among the next ``most`` sequence numbers, and up to which number was counted.

    So a whole store can be counted bit by bit. Every row in between is read through, its record too.
    """
    last_seq = db.execute(sa.select(sa.func.coalesce(sa.func.max(decisions.c.seq), 0))).scalar_one()
    until_seq = min(last_seq, after_seq + most)
    counted = (
        sa.select(decisions.c.outcome, sa.func.count())
        .where(decisions.c.seq > after_seq, decisions.c.seq <= until_seq)
        .group_by(decisions.c.outcome)
    )
    return until_seq, {row[0]: row[1] for row in db.execute(counted)}


def counts(db: sa.Connection) -> Counts:
    """How many of each kind are stored; reads an index of the decisions through, which takes a moment."""
    total, late = db.execute(sa.select(sa.func.count(), sa.func.count().filter(decisions.c.late))).one()
    known, contradicting, closed = (
        db.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in (labels, contradictions, windows)
    )
    return Counts(total, late, known, read_facts(db).labels_pending, contradicting, closed)
