"""How far each partition was read, which is stored together with what was read."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from monitoring.store.rows import Position
from monitoring.store.tables import insert_or_replace, positions

Partition = tuple[str, int]


def read_positions(db: sa.Connection) -> dict[Partition, Position]:
    """By topic and partition number."""
    found = sa.select(positions.c.topic, positions.c.partition, positions.c.next_offset, positions.c.latest_us)
    return {(topic, number): Position(offset, latest_us) for topic, number, offset, latest_us in db.execute(found)}


def advance(db: sa.Connection, reached: Mapping[Partition, Position]) -> None:
    """Move positions forward; one that is further already stays, for what is read again was stored before."""
    if not reached:
        return
    known = read_positions(db)
    further = {partition: _further(known.get(partition), position) for partition, position in reached.items()}
    moved = [
        {"topic": topic, "partition": number, **position._asdict()}
        for (topic, number), position in further.items()
        if known.get((topic, number)) != position
    ]
    if moved:
        db.execute(insert_or_replace(db, positions), moved)


def _further(known: Position | None, reached: Position) -> Position:
    if known is None:
        return reached
    seen = [at_us for at_us in (known.latest_us, reached.latest_us) if at_us is not None]
    return Position(max(known.next_offset, reached.next_offset), max(seen, default=None))
