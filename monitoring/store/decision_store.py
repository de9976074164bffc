"""The decision store as the rest of the program sees it: each method is one transaction, for any thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from monitoring.store import queries, retention, upsert, windows
from monitoring.store.connection import StoreConnection
from monitoring.store.open import WAIT_SECONDS, open_connection

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

    put = _writes(upsert.put)
    offsets = _reads(upsert.read_offsets)
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
    decision = _reads(queries.record_of)
    decisions = _reads(queries.records_of)
    newest_records = _reads(queries.newest_records)
    newest_scores = _reads(queries.newest_scores)
    outcomes_after = _reads(queries.outcomes_after)
    counts = _reads(queries.counts)

    def __init__(self, connection: StoreConnection) -> None:
        self.connection = connection

    @classmethod
    def open(
        cls, url: str, *, read_only: bool = False, create: bool = True, wait_seconds: float = WAIT_SECONDS
    ) -> DecisionStore:
        """The store at ``url``, see :mod:`monitoring.store.open`; created there if it is not, unless ``read_only`` or
        not to ``create``.

        ``wait_seconds``: for another writer's lock, or for a connection.
        """
        create = create and not read_only
        return cls(open_connection(url, read_only=read_only, create=create, wait_seconds=wait_seconds))

    @property
    def name(self) -> str:
        """For people: the path, or the URL without its password."""
        return self.connection.name

    def close(self) -> None:
        """Close the connections; the store can still be used and opens new ones."""
        self.connection.close()

    def __enter__(self) -> DecisionStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
