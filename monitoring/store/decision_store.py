"""The decision store as the rest of the program sees it: each method is one transaction, for any thread."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from monitoring.store import erasures, person, pseudonymise, queries, retention, upsert, windows
from monitoring.store.connection import StoreConnection
from monitoring.store.erasures import Erasure
from monitoring.store.meta import read_facts
from monitoring.store.open import WAIT_SECONDS, open_connection
from monitoring.store.person import Held
from monitoring.store.pseudonyms import Ids, check_ids
from monitoring.store.rows import Put, Stored

log = logging.getLogger(__name__)

P = ParamSpec("P")
Result = TypeVar("Result")


def _reads(query: Callable[Concatenate[sa.Connection, P], Result]) -> Callable[Concatenate[DecisionStore, P], Result]:
    """A method that runs this query in a transaction of its own."""

    @wraps(query)
    def method(store: DecisionStore, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        with store.connection.reading() as db:
            return query(db, *args, **kwargs)

    return method


def _writes(change: Callable[Concatenate[sa.Connection, P], Result]) -> Callable[Concatenate[DecisionStore, P], Result]:
    """The same for a change: all of it is stored, or none."""

    @wraps(change)
    def method(store: DecisionStore, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        with store.connection.writing() as db:
            return change(db, *args, **kwargs)

    return method


class DecisionStore:
    """Every method raises StoreUnavailable when the database is locked, full or gone (ask again later; nothing was
    changed), StoreError when asking again cannot help. Both name the store without its password.
    """

    offsets = _reads(upsert.read_offsets)
    read_on = _writes(upsert.read_on)
    remove_before = _writes(retention.remove_before)

    close_due = _writes(windows.close_due)
    close_due_counts = _writes(windows.close_due_counts)
    uncomputed = _reads(windows.uncomputed)
    stale = _reads(windows.stale)
    computed = _writes(windows.computed)
    unpublished = _reads(windows.unpublished)
    published = _writes(windows.published)
    reported = _writes(windows.reported)
    window = _reads(windows.key_of)
    window_event = _reads(windows.event_of)
    windows_stamp = _reads(windows.stamp)
    windows = _reads(windows.events)  # last: here the name becomes a method's

    rows_of = _reads(queries.rows_of)
    rows_between = _reads(queries.rows_between)
    newest_records = _reads(queries.newest_records)
    newest_scores = _reads(queries.newest_scores)
    outcomes_after = _reads(queries.outcomes_after)
    counts = _reads(queries.counts)

    erasure_key = _reads(erasures.own_key)
    take_over_erasures = _writes(erasures.take_over)
    erasures = _reads(erasures.listed)

    def __init__(self, connection: StoreConnection, ids: Ids | None = None) -> None:
        self.connection, self.ids = connection, ids or Ids()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        create: bool = True,
        wait_seconds: float = WAIT_SECONDS,
        ids: Ids | None = None,
    ) -> DecisionStore:
        """The store at ``url``, see :mod:`monitoring.store.open`; created there if it is not, unless ``read_only`` or
        not to ``create``.

        ``wait_seconds``: for another writer's lock, or for a connection. ``ids``: how the producers' ids become the
        store's, checked; without, ids cannot be looked up in a store that has pseudonyms.
        """
        create = create and not read_only
        store = cls(open_connection(url, read_only=read_only, create=create, wait_seconds=wait_seconds), ids)
        if ids is not None:
            try:
                store._check_ids()
            except BaseException:
                store.close()
                raise
        return store

    def _check_ids(self) -> None:
        with self.connection.reading() as db:
            check_ids(db, read_facts(db), self.ids)

    @property
    def name(self) -> str:
        """For people: the path, or the URL without its password."""
        return self.connection.name

    def put(self, given: Put) -> Stored:
        """See :func:`monitoring.store.upsert.put`."""
        with self.connection.writing() as db:
            return upsert.put(db, given, self.ids)

    def decision(self, request_id: str) -> bytes | None:
        """The decision on this request, as :meth:`decisions` has it; None without one."""
        return self.decisions([request_id]).get(request_id)

    def decisions(self, request_ids: Iterable[str]) -> dict[str, bytes]:
        """See :func:`monitoring.store.queries.records_of`."""
        with self.connection.reading() as db:
            return queries.records_of(db, request_ids, self.ids)

    def person(self, client_id: str) -> Held:
        """See :func:`monitoring.store.person.held`."""
        with self.connection.reading() as db:
            return person.held(db, self.ids, client_id)

    def erase(self, client_id: str, by: str, at_us: int, profiles: int = 0, reports: int = 0) -> Erasure:
        """See :func:`monitoring.store.erasures.erase`. Nothing of what was deleted stays in an SQLite file."""
        with self.connection.writing() as db:
            done = erasures.erase(db, self.ids, client_id, by, at_us, profiles, reports)
        self.connection.empty_log()
        log.warning("%s was erased from %s", done.text, self.name)
        return done

    def pseudonymise(self, ids: Ids) -> int:
        """See :func:`monitoring.store.pseudonymise.pseudonymise`. No plain id stays in an SQLite file."""
        with self.connection.writing() as db:
            count = pseudonymise.pseudonymise(db, ids)
        self.connection.empty_log()
        return count

    def close(self) -> None:
        """Close the connections; the store can still be used and opens new ones."""
        self.connection.close()

    def __enter__(self) -> DecisionStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
