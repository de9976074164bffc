"""The decision store as the rest of the monitor sees it. Each method is one transaction; any thread may call any."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from monitoring.event_time import WindowSize
from monitoring.store import meta, offsets, queries, retention, upsert, windows
from monitoring.store.connection import Door
from monitoring.store.open import WAIT_SECONDS, open_door
from monitoring.store.rows import Counts, Position, Put, Rows, Stored, Unpublished, WindowKey
from stream_app.drift_events import DriftEvent


class DecisionStore:
    """Every method raises StoreUnavailable when the database is locked, full or gone (ask again later; nothing was
    changed), StoreError when asking again cannot help. Both name the store without its password.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    @classmethod
    def open(
        cls, url: str, *, read_only: bool = False, create: bool = True, wait_seconds: float = WAIT_SECONDS
    ) -> DecisionStore:
        """The store at ``url``, see :mod:`monitoring.store.open`; created there if it is not, unless ``read_only`` or
        not to ``create``.

        ``wait_seconds``: for another writer's lock, or for a connection.
        """
        return cls(open_door(url, read_only=read_only, create=create and not read_only, wait_seconds=wait_seconds))

    @property
    def name(self) -> str:
        """For people: the path, or the URL without its password."""
        return self._door.name

    def close(self) -> None:
        """Close the connections; the store can still be used and opens new ones."""
        self._door.close()

    def __enter__(self) -> DecisionStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ---- records in -------------------------------------------------------------------------------------------------

    def put(self, given: Put) -> Stored:
        """Store decisions, outcomes and positions, all or nothing.

        What is known stays as it is, so putting the same again changes nothing: the first decision on a request, the
        first outcome, the position that is further. Outcomes join their decisions, whichever comes first.
        """
        with self._door.writing() as db:
            return upsert.put(db, given)

    def claim_size(self, size: WindowSize) -> None:
        """Make this the size of the store's time windows. Raises StoreError when they have another already.

        Each put does it too; asked at the start, a wrong setting is told before anything is read.
        """
        with self._door.writing() as db:
            meta.claim_size(db, meta.read_facts(db), size)

    def positions(self) -> dict[tuple[str, int], Position]:
        """Where each partition, by topic and number, is read on."""
        with self._door.reading() as db:
            return offsets.read_positions(db)

    def remove_before(self, before_us: int, most: int = 10_000) -> int:
        """Retention: remove some of the oldest rows. Returns how many; call again until none.

        ``before_us``, in event time: decisions of windows that ended by then, if closed and computed, with their
        outcomes, and outcomes observed before then that have no decision. Windows stay.
        """
        with self._door.writing() as db:
            return retention.remove_before(db, before_us, most)

    # ---- windows ----------------------------------------------------------------------------------------------------

    def close_due(self, close_before_us: int, size: WindowSize, at_us: int) -> list[str]:
        """Close the time windows that end at or before ``close_before_us`` and have decisions. Returns their ids.

        ``at_us``: now, for the record. Every decision for these windows that comes from here on is late.
        """
        with self._door.writing() as db:
            return windows.close_due(db, close_before_us, size, at_us)

    def close_due_counts(self, count: int, at_us: int) -> list[str]:
        """Close a window for each full run of ``count`` timely decisions, in order of arrival. Returns their ids."""
        with self._door.writing() as db:
            return windows.close_due_counts(db, count, at_us)

    def uncomputed(self) -> list[WindowKey]:
        """Closed windows that have no drift event yet, in order of time."""
        with self._door.reading() as db:
            return windows.uncomputed(db)

    def stale(self) -> list[WindowKey]:
        """Windows whose drift event does not know all their outcomes, in order of time."""
        with self._door.reading() as db:
            return windows.stale(db)

    def computed(self, key: WindowKey, event: DriftEvent) -> None:
        """Store a window's drift event, unless one of a higher revision is there.

        ``key`` is as it was given before the rows were read, so that outcomes that came meanwhile make it stale.
        """
        with self._door.writing() as db:
            windows.computed(db, key, event)

    def unpublished(self) -> list[Unpublished]:
        """Drift events nobody was told of yet, the newest revision of each window, in order of time."""
        with self._door.reading() as db:
            return windows.unpublished(db)

    def published(self, window_id: str, revision: int) -> None:
        """Remember that this revision is on the topic."""
        with self._door.writing() as db:
            windows.published(db, window_id, revision)

    def reported(self, window_id: str, path: str) -> None:
        """Remember where the window's report lies."""
        with self._door.writing() as db:
            windows.reported(db, window_id, path)

    def windows(self, last: int | None = None) -> list[DriftEvent]:
        """The drift events of the ``last`` windows, or of all, oldest first."""
        with self._door.reading() as db:
            return windows.events(db, last)

    def window(self, window_id: str) -> WindowKey | None:
        """The closed window of this id."""
        with self._door.reading() as db:
            return windows.key_of(db, window_id)

    def window_event(self, window_id: str) -> DriftEvent | None:
        """The drift event of this window; None without one."""
        with self._door.reading() as db:
            return windows.event_of(db, window_id)

    # ---- records out ------------------------------------------------------------------------------------------------

    def rows_of(self, key: WindowKey, limit: int | None = None) -> Rows:
        """The timely decisions of a closed window with the outcomes known now; evenly chosen ones above ``limit``.

        Raises StoreError when the retention has removed some of them.
        """
        with self._door.reading() as db:
            return queries.rows_of(db, key, limit, self.name)

    def rows_between(self, start_us: int, end_us: int, limit: int | None = None) -> Rows:
        """The timely decisions requested from ``start_us`` to before ``end_us``, in the same way."""
        with self._door.reading() as db:
            return queries.rows_between(db, start_us, end_us, limit)

    def decision(self, request_id: str) -> bytes | None:
        """The JSON of the decision on this request, as it was on the topic; None without one."""
        with self._door.reading() as db:
            return queries.record_of(db, request_id)

    def decisions(self, request_ids: Iterable[str]) -> dict[str, bytes]:
        """The same for many, by request id; those there are."""
        with self._door.reading() as db:
            return queries.records_of(db, request_ids)

    def newest_records(self, most: int) -> list[bytes]:
        """The JSON of the decisions stored last, the newest first."""
        with self._door.reading() as db:
            return queries.newest_records(db, most)

    def newest_scores(self, after_seq: int, most: int) -> tuple[int, list[float]]:
        """Probabilities of default of the ``most`` decisions stored last that are beyond sequence number ``after_seq``,
        oldest first; and the last one's number."""
        with self._door.reading() as db:
            return queries.newest_scores(db, after_seq, most)

    def outcomes_after(self, after_seq: int, most: int) -> tuple[int, dict[str, int]]:
        """How many of each outcome are among the next ``most`` sequence numbers, and up to which was counted."""
        with self._door.reading() as db:
            return queries.outcomes_after(db, after_seq, most)

    def windows_stamp(self) -> tuple[int, int]:
        """Changes whenever a window was closed or computed anew."""
        with self._door.reading() as db:
            return windows.stamp(db)

    def counts(self) -> Counts:
        """How many of each kind are stored; takes a moment in a large store."""
        with self._door.reading() as db:
            return queries.counts(db)
