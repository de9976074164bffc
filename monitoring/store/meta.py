"""The few facts about the whole store, kept in its table ``meta``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from monitoring.event_time import WindowSize
from monitoring.store.tables import insert_unless_known, meta
from stream_app.errors import StoreError

NEVER_US = -(2**63)


@dataclass(frozen=True)
class Facts:
    """``window_size``: of its time windows, empty before the first put. ``labels_pending``: without their decision.

    ``ids_check``: of the pseudonym key, empty while ids are stored as they come.
    ``closed_before_us``: no time window that ends by then is open. ``removed_before_us``: decisions requested before
    it may be gone.
    """

    window_size: str
    closed_before_us: int
    removed_before_us: int
    labels_pending: int
    ids_check: str = ""


_FIRST = {
    "schema_version": 2,  # what programs before version 0002 look at: they would store again what was erased
    "window_size": "",
    "closed_before_us": NEVER_US,
    "removed_before_us": NEVER_US,
    "outcomes_pending": 0,
    "ids_check": "",
    "erasure_key": "",
}


def write_first_facts(db: sa.Connection) -> None:
    """Those of an empty store."""
    db.execute(insert_unless_known(db, meta), [{"name": name, "value": str(value)} for name, value in _FIRST.items()])


def read_facts(db: sa.Connection) -> Facts:
    """All but the schema's version."""
    facts = {row.name: row.value for row in db.execute(sa.select(meta.c.name, meta.c.value))}
    return Facts(
        facts["window_size"],
        int(facts["closed_before_us"]),
        int(facts["removed_before_us"]),
        int(facts["outcomes_pending"]),
        facts["ids_check"],
    )


def read_fact(db: sa.Connection, name: str) -> str:
    """One fact by its field's name."""
    return str(db.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar_one())


def write_fact(db: sa.Connection, name: str, value: str | int) -> None:
    """Replace one fact by its field's name."""
    db.execute(sa.update(meta).where(meta.c.name == name).values(value=str(value)))


def claim_size(db: sa.Connection, size: WindowSize) -> Facts:
    """The facts, with this as the size of the store's windows. Raises StoreError when they have another: which
    decisions were late was decided by it, so no other size would give windows that are whole.
    """
    facts = read_facts(db)
    if facts.window_size == str(size):
        return facts
    if facts.window_size:
        raise StoreError(
            f"The decision store has windows of {facts.window_size}, and {size} is asked for.",
            kept="Nothing was changed.",
            do_next=f"Set STREAM_APP_WINDOW to {facts.window_size}, or name a new store: it reads the topics anew.",
        )
    write_fact(db, "window_size", str(size))
    return replace(facts, window_size=str(size))
