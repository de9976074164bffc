"""Erases what the store holds of a person, notes who did it, and keeps topics that are read again from undoing it.

An erasure's ``subject`` is a keyed hash of the client id: by the pseudonym key where there is one, else by a random key
in the store's table ``meta``, which whoever has the store can use to try out ids. What came before the erasure is not
stored again: decisions made by then, and labels of requests whose decision is not in the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import sqlalchemy as sa

from monitoring.store.labels import in_batches, rows_with
from monitoring.store.meta import NEVER_US, read_fact, read_facts, write_fact
from monitoring.store.person import person
from monitoring.store.pseudonyms import Ids, keyed_hash
from monitoring.store.rows import Put, without_nul
from monitoring.store.tables import contradictions, decisions, erasures, labels
from stream_app.errors import StoreError

_DOMAIN = "erased"
_COLUMNS = [column for column in erasures.columns if column.name != "id"]


class Erasure(NamedTuple):
    """Who erased what: ``profiles`` and ``reports`` were removed elsewhere, the others from this store."""

    subject: str
    erased_at_us: int
    erased_by: str
    decisions: int
    labels: int
    contradictions: int
    profiles: int
    reports: int

    @property
    def text(self) -> str:
        """For a log: who, what and how much, without an id."""
        counts = ", ".join(f"{name} {getattr(self, name)}" for name in self._fields[3:])
        return f"person {self.subject} (by {self.erased_by}: {counts})"


def erase(db: sa.Connection, ids: Ids, client_id: str, by: str, at_us: int, profiles: int, reports: int) -> Erasure:
    """Delete the person's rows and add the erasure's. ``by``: the operating user; ``at_us``: now."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")  # overwrites in the file what is deleted
    who = person(client_id, ids)
    waiting = sa.select(sa.func.count()).where(who.labels(labels), labels.c.joined.is_(sa.false()))
    pending = read_facts(db).labels_pending - db.execute(waiting).scalar_one()
    of_labels = db.execute(sa.delete(labels).where(who.labels(labels))).rowcount
    of_contradictions = db.execute(sa.delete(contradictions).where(who.labels(contradictions))).rowcount
    of_decisions = db.execute(sa.delete(decisions).where(who.decisions)).rowcount
    write_fact(db, "outcomes_pending", pending)
    key = ids.key or _own_key(db)
    subject = keyed_hash(key, _DOMAIN, client_id)
    done = Erasure(subject, at_us, by, of_decisions, of_labels, of_contradictions, profiles, reports)
    db.execute(sa.insert(erasures).values(done._asdict()))
    return done


def _own_key(db: sa.Connection) -> bytes:
    key = read_fact(db, "erasure_key")
    if not key:
        key = secrets.token_hex(32)
        write_fact(db, "erasure_key", key)
    return key.encode()


def without_erased(db: sa.Connection, ids: Ids, given: Put) -> Put:
    """What came, with the producers' ids, without what was erased."""
    if db.execute(sa.select(erasures.c.id).limit(1)).first() is None:
        return given
    erased = dict(_erased(db, ids, {row.client_id for rows in (given.decisions, given.labels) for row in rows}))
    kept = [row for row in given.decisions if row.decided_at_us > erased.get(row.client_id, NEVER_US)]
    known = {row.request_id for row in kept}
    doubtful = [row.request_id for row in given.labels if row.client_id in erased and row.request_id not in known]
    known |= set(_decided(db, ids, doubtful))
    of_known = [row for row in given.labels if row.client_id not in erased or row.request_id in known]
    return replace(given, decisions=kept, labels=of_known)


def _erased(db: sa.Connection, ids: Ids, client_ids: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Client ids that were erased, and when, in order of time. Both keys count: pseudonyms may have come later."""
    keys = [key for key in (ids.key, read_fact(db, "erasure_key").encode()) if key]
    client_of = {keyed_hash(key, _DOMAIN, client_id): client_id for client_id in client_ids for key in keys}
    query = sa.select(erasures.c.subject, erasures.c.erased_at_us)
    found = [(at_us, client_of[subject]) for subject, at_us in rows_with(db, query, erasures.c.subject, client_of)]
    return ((client_id, at_us) for at_us, client_id in sorted(found))


def _decided(db: sa.Connection, ids: Ids, request_ids: Iterable[str]) -> Iterator[str]:
    """Those that have a decision in the store."""
    asked = {without_nul(ids.request(request_id)): request_id for request_id in request_ids}
    rows = rows_with(db, sa.select(decisions.c.request_id), decisions.c.request_id, asked)
    return (asked[row.request_id] for row in rows)


def listed(db: sa.Connection) -> list[Erasure]:
    """Every erasure that is noted, the oldest first."""
    return [Erasure._make(row) for row in db.execute(sa.select(*_COLUMNS).order_by(erasures.c.id))]


def remove_before(db: sa.Connection, before_us: int) -> None:
    """Forget older erasures: a decision from before them is older than the retention and leaves the store by itself."""
    db.execute(sa.delete(erasures).where(erasures.c.erased_at_us < before_us))


def own_key(db: sa.Connection) -> str:
    """The key in the store, empty if it never needed one."""
    return read_fact(db, "erasure_key")


def take_over(db: sa.Connection, rows: Iterable[Erasure], key: str) -> int:
    """Add the erasures of another store, with its own key. Returns how many. Raises StoreError when this store has
    hashes of another key, beside which those would be of no use.
    """
    own = own_key(db)
    if own and key and own != key:
        raise StoreError(
            "This decision store has erasures of its own under another key, so the others cannot be added.",
            kept="Nothing was changed.",
            do_next="Copy erasures into a new store before anything is erased in it.",
        )
    write_fact(db, "erasure_key", own or key)
    new = [row for row in rows if row not in set(listed(db))]
    for batch in in_batches(new):
        db.execute(sa.insert(erasures), [row._asdict() for row in batch])
    return len(new)
