"""Stores labels: the first of a request wins, repeats are ignored, contradictions are kept apart, early ones wait for
their decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import sqlalchemy as sa

from monitoring.event_time import WindowSize
from monitoring.store.rows import LabelRow, Stored
from monitoring.store.tables import contradictions, decisions, insert_unless_known, labels, windows

IDS_PER_QUERY = 10_000  # below the 32,766 values SQLite binds in one statement


def put_labels(db: sa.Connection, rows: Sequence[LabelRow], size: WindowSize) -> Stored:
    """Store the first label of each request; count those that joined a decision in the rows of closed windows.

    What is pending in the result are the new ones alone.
    """
    if not rows:
        return Stored()
    new, against = _new_and_contradicting(rows, _known(db, [row.request_id for row in rows]))
    contradicting = _keep_contradictions(db, against)
    decided = _decided(db, [row.request_id for row in new])
    if new:
        db.execute(sa.insert(labels), [{**row._asdict(), "joined": row.request_id in decided} for row in new])
    timely = [(at_us, seq) for at_us, seq, late in decided.values() if not late]
    if timely:
        _count_in_time_windows(db, [at_us for at_us, _ in timely], size)
        _count_in_count_windows(db, [seq for _, seq in timely])
    return Stored(
        labels_new=len(new),
        labels_repeated=len(rows) - len(new) - contradicting,
        labels_contradicting=contradicting,
        labels_pending=len(new) - len(decided),
    )


def _new_and_contradicting(rows: Iterable[LabelRow], known: dict[str, bool]) -> tuple[list[LabelRow], list[LabelRow]]:
    """The new ones, and those against what is ``known`` by then."""
    new, against = [], []
    for row in rows:
        if row.request_id not in known:
            known[row.request_id] = row.defaulted
            new.append(row)
        elif known[row.request_id] != row.defaulted:
            against.append(row)
    return new, against


def _known(db: sa.Connection, request_ids: Iterable[str]) -> dict[str, bool]:
    query = sa.select(labels.c.request_id, labels.c.defaulted)
    return {row.request_id: row.defaulted for row in rows_with(db, query, labels.c.request_id, request_ids)}


def _decided(db: sa.Connection, request_ids: Iterable[str]) -> dict[str, tuple[int, int, bool]]:
    """Request time, sequence number and lateness of the decisions there are."""
    columns = (decisions.c.request_id, decisions.c.requested_at_us, decisions.c.seq, decisions.c.late)
    rows = rows_with(db, sa.select(*columns), decisions.c.request_id, request_ids)
    return {request_id: (at_us, seq, late) for request_id, at_us, seq, late in rows}


def _keep_contradictions(db: sa.Connection, against: Sequence[LabelRow]) -> int:
    """Returns how many were not there yet."""
    if not against:
        return 0
    number = contradictions.c.id
    last = db.execute(sa.select(sa.func.coalesce(sa.func.max(number), 0))).scalar_one()
    db.execute(insert_unless_known(db, contradictions), [row._asdict() for row in against])
    return db.execute(sa.select(sa.func.count()).where(number > last)).scalar_one()


def _count_in_time_windows(db: sa.Connection, requested_at_us: Sequence[int], size: WindowSize) -> None:
    """A window that is still open has no row; it finds its labels when it closes."""
    starts, counts = np.unique(size.starts(np.array(requested_at_us, dtype=np.int64)), return_counts=True)
    its_row = (windows.c.kind == "time") & (windows.c.start_us == sa.bindparam("start"))
    counted = zip(starts.tolist(), counts.tolist(), strict=True)
    _add_labels(db, its_row, [{"start": start, "labels": count} for start, count in counted])


def _count_in_count_windows(db: sa.Connection, seqs: Sequence[int]) -> None:
    columns = (windows.c.id, windows.c.first_seq, windows.c.last_seq)
    overlapping = (windows.c.kind == "count") & (windows.c.last_seq >= min(seqs)) & (windows.c.first_seq <= max(seqs))
    ordered = np.sort(np.array(seqs, dtype=np.int64))
    counted = []
    for window_id, first_seq, last_seq in db.execute(sa.select(*columns).where(overlapping)):
        count = int(np.searchsorted(ordered, last_seq, "right") - np.searchsorted(ordered, first_seq))
        counted.append({"key": window_id, "labels": count})
    _add_labels(db, windows.c.id == sa.bindparam("key"), [row for row in counted if row["labels"]])


def _add_labels(db: sa.Connection, its_row: Any, counted: Sequence[dict[str, Any]]) -> None:
    if counted:
        more = windows.c.labels_seen + sa.bindparam("labels")
        db.execute(sa.update(windows).where(its_row).values(labels_seen=more), counted)


def rows_with(db: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], ids: Iterable[Any]) -> Iterator[Any]:
    """The rows of the query that have one of these ids in this column."""
    for batch in in_batches(ids):
        yield from db.execute(query.where(column.in_(batch)))


def in_batches(all_ids: Iterable[Any]) -> Iterator[list[Any]]:
    """Few enough ids at a time for one query."""
    ids = iter(all_ids)
    while batch := list(islice(ids, IDS_PER_QUERY)):
        yield batch
