"""Stores labels: the first of a request wins, repeats are ignored, early ones wait for their decision; contradictions,
and labels that name another client than their request did, are kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

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
    request_ids = [row.request_id for row in rows]
    decided = _decided(db, request_ids)
    new, against, others = _sorted_out(rows, decided, _known(db, request_ids))
    contradicting = _keep_apart(db, against, other_client=False)
    of_others = _keep_apart(db, others, other_client=True)
    if new:
        db.execute(sa.insert(labels), [{**row._asdict(), "joined": row.request_id in decided} for row in new])
    joined = [decided[row.request_id] for row in new if row.request_id in decided]
    timely = [(each.at_us, each.seq) for each in joined if not each.late]
    if timely:
        _count_in_time_windows(db, [at_us for at_us, _ in timely], size)
        _count_in_count_windows(db, [seq for _, seq in timely])
    return Stored(
        labels_new=len(new),
        labels_repeated=len(rows) - len(new) - contradicting - of_others,
        labels_contradicting=contradicting,
        labels_of_other_clients=of_others,
        labels_pending=len(new) - len(joined),
    )


class _Decided(NamedTuple):
    client_id: str
    at_us: int
    seq: int
    late: bool


class _Known(NamedTuple):
    client_id: str
    defaulted: bool


def _sorted_out(
    rows: Iterable[LabelRow], decided: Mapping[str, _Decided], known: dict[str, _Known]
) -> tuple[list[LabelRow], list[LabelRow], list[LabelRow]]:
    """The new ones, those against what is ``known`` by then, and those of another client than it or the decision."""
    new, against, others = [], [], []
    for row in rows:
        its_own = decided.get(row.request_id) or known.get(row.request_id)
        if its_own and its_own.client_id != row.client_id:
            others.append(row)
        elif row.request_id not in known:
            known[row.request_id] = _Known(row.client_id, row.defaulted)
            new.append(row)
        elif known[row.request_id].defaulted != row.defaulted:
            against.append(row)
    return new, against, others


def _known(db: sa.Connection, request_ids: Iterable[str]) -> dict[str, _Known]:
    query = sa.select(labels.c.request_id, labels.c.client_id, labels.c.defaulted)
    return {name: _Known(*label) for name, *label in rows_with(db, query, labels.c.request_id, request_ids)}


def _decided(db: sa.Connection, request_ids: Iterable[str]) -> dict[str, _Decided]:
    """Client, request time, sequence number and lateness of the decisions there are."""
    columns = (decisions.c[name] for name in ("request_id", "client_id", "requested_at_us", "seq", "late"))
    rows = rows_with(db, sa.select(*columns), decisions.c.request_id, request_ids)
    return {name: _Decided(*decision) for name, *decision in rows}


def _keep_apart(db: sa.Connection, apart: Sequence[LabelRow], *, other_client: bool) -> int:
    """Returns how many were not there yet."""
    if not apart:
        return 0
    number = contradictions.c.id
    last = db.execute(sa.select(sa.func.coalesce(sa.func.max(number), 0))).scalar_one()
    rows = [{**row._asdict(), "other_client": other_client} for row in apart]
    db.execute(insert_unless_known(db, contradictions), rows)
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
