"""Stores decisions, labels and offsets in one transaction. Whatever is known already stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from monitoring.store.erasures import without_erased
from monitoring.store.labels import put_labels
from monitoring.store.meta import Facts, claim_size, write_fact
from monitoring.store.pseudonyms import Ids, claim_ids
from monitoring.store.rows import NUL, DecisionRow, LabelRow, PartitionOffset, Put, Stored, without_nul
from monitoring.store.tables import decisions, insert_or_replace, offsets
from monitoring.store.waiting_labels import Joined, join_waiting

_COLUMNS = ", ".join(DecisionRow._fields)

Partition = tuple[str, int]
"""Topic and partition number."""

Row = TypeVar("Row", DecisionRow, LabelRow)


def put(db: sa.Connection, given: Put, ids: Ids) -> Stored:
    """Store decisions, labels and offsets, all or nothing; ids as the store keeps them, and nothing that was erased.

    What is known stays as it is, so putting the same again changes nothing: the first decision on a request, the first
    label, the offset that is further. Labels join their decisions, whichever comes first.
    """
    facts = claim_size(db, given.size)
    claim_ids(db, facts, ids)
    given = ids.stored(without_erased(db, ids, given))
    stored, joined = _put_decisions(db, _storable(given.decisions), facts)
    counts = put_labels(db, _storable(given.labels), given.size)
    _advance(db, given.offsets)
    pending = facts.labels_pending - joined.labels + counts.labels_pending
    if pending != facts.labels_pending:
        write_fact(db, "outcomes_pending", pending)
    return replace(
        counts,
        decisions_new=stored.decisions_new,
        decisions_known=stored.decisions_known,
        late=stored.late,
        labels_of_other_clients=counts.labels_of_other_clients + joined.of_other_clients,
        labels_pending=pending,
    )


def _put_decisions(db: sa.Connection, rows: Sequence[DecisionRow], facts: Facts) -> tuple[Stored, Joined]:
    """Returns also what became of labels that waited for these decisions."""
    if not rows:
        return Stored(), Joined()
    last_seq = db.execute(sa.select(sa.func.coalesce(sa.func.max(decisions.c.seq), 0))).scalar_one()
    # One text and plain tuples: the ORM-free Core still makes a dictionary of every row, at half the speed.
    db.exec_driver_sql(_insert(db), list(_late_if_closed(rows, facts.closed_before_us)))
    counted = sa.select(sa.func.count(), sa.func.count().filter(decisions.c.late)).where(decisions.c.seq > last_seq)
    new, late = db.execute(counted).one()
    waited_for = [row.request_id for row in rows] if new and facts.labels_pending else []
    joined = join_waiting(db, waited_for)
    return Stored(decisions_new=new, decisions_known=len(rows) - new, late=late), joined


def _insert(db: sa.Connection) -> str:
    marks = ", ".join(["?" if db.dialect.name == "sqlite" else "%s"] * len(DecisionRow._fields))
    return f"INSERT INTO decisions ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (request_id) DO NOTHING"  # noqa: S608 - names of our own fields


def _late_if_closed(rows: Sequence[DecisionRow], closed_before_us: int) -> Sequence[DecisionRow]:
    """A window that was closed while this partition was idle takes no more; its owner may not know that yet."""
    if all(row.requested_at_us >= closed_before_us for row in rows):
        return rows
    return [row._replace(late=row.late or row.requested_at_us < closed_before_us) for row in rows]


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


def read_offsets(db: sa.Connection) -> dict[Partition, PartitionOffset]:
    """By topic and partition number."""
    known = sa.select(offsets.c.topic, offsets.c.partition, offsets.c.next_offset, offsets.c.latest_us)
    return {
        (topic, number): PartitionOffset(offset, latest_us) for topic, number, offset, latest_us in db.execute(known)
    }


def read_on(db: sa.Connection, partition: Partition, next_offset: int) -> None:
    """Have this partition be read from here, forwards or backwards: its log does not have what was to come next."""
    known = read_offsets(db).get(partition)
    row = {"topic": partition[0], "partition": partition[1], "next_offset": next_offset}
    db.execute(insert_or_replace(db, offsets), [row | {"latest_us": known and known.latest_us}])


def _advance(db: sa.Connection, reached: Mapping[Partition, PartitionOffset]) -> None:
    """Move offsets forward; one that is further already stays, for what is read again was stored before."""
    if not reached:
        return
    known = read_offsets(db)
    further = {partition: _further(known.get(partition), position) for partition, position in reached.items()}
    moved = [
        {"topic": topic, "partition": number, **position._asdict()}
        for (topic, number), position in further.items()
        if known.get((topic, number)) != position
    ]
    if moved:
        db.execute(insert_or_replace(db, offsets), moved)


def _further(known: PartitionOffset | None, reached: PartitionOffset) -> PartitionOffset:
    if known is None:
        return reached
    seen = [at_us for at_us in (known.latest_us, reached.latest_us) if at_us is not None]
    return PartitionOffset(max(known.next_offset, reached.next_offset), max(seen, default=None))
