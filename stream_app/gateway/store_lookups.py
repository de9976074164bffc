"""The client store and the decision store as the gateway uses them: opened when needed, queried off the event loop.

Either may be away when the gateway starts, and come back; each call that fails raises, and the next one tries again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from monitoring.store import DecisionStore, Ids
from stream_app.clients import ClientStore, open_clients
from stream_app.errors import StreamAppError
from stream_app.runtime.background import start_background_task

WAIT_SECONDS = 1.0
"""For the decision store's lock or connection."""


class _Closable(Protocol):
    def close(self) -> None: ...


Store = TypeVar("Store", bound=_Closable)
Result = TypeVar("Result")


class BatchedLookup(Generic[Result]):
    """One query at a time in ``executor``; what is asked for meanwhile goes into one next query.

    ``find``: keys to what is known of them. So a caller waits for two queries at most.
    """

    def __init__(self, find: Callable[[Sequence[str]], Mapping[str, Result]], executor: Executor) -> None:
        self._find, self._executor = find, executor
        self._waiting: dict[str, asyncio.Future[Result | None]] = {}
        self._querying: asyncio.Task[Any] | None = None

    async def get(self, key: str) -> Result | None:
        """What is known of this key. Raises what ``find`` raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._querying is None:
                self._querying = start_background_task(self._query_all(), "store lookups")
        return await asyncio.shield(future)  # another caller may wait for the same key

    async def _query_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                await self._query(batch)
        finally:
            self._querying = None

    async def _query(self, batch: dict[str, asyncio.Future[Result | None]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._executor, self._find, list(batch))
        except Exception as fault:  # noqa: BLE001 - raised where each caller waits
            for future in batch.values():
                future.set_exception(fault)
                future.exception()  # its caller may have gone: asyncio would log that it was never retrieved
        else:
            for key, future in batch.items():
                future.set_result(results.get(key))


class LazyStore(Generic[Store]):
    """A store that is opened at its first use, and again after an error that a retry would not mend.

    Not for two threads at once: all use is in ``executor``'s one.
    """

    def __init__(self, name: str, open_store: Callable[[], Store]) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._open, self._store = open_store, None  # type: Callable[[], Store], Store | None

    def use(self, work: Callable[[Store], Result]) -> Result:
        """Do this with the store, in this thread. Raises what opening or the work raises."""
        if self._store is None:
            self._store = self._open()
        try:
            return work(self._store)
        except StreamAppError as fault:
            if not getattr(fault, "retry", False):
                self._close()
            raise

    async def run(self, work: Callable[[Store], Result]) -> Result:
        """The same, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, self.use, work)

    async def close(self) -> None:
        """Close the store when the work in hand is done."""
        await asyncio.get_running_loop().run_in_executor(self.executor, self._close)
        self.executor.shutdown(wait=False)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class KnownClient(NamedTuple):
    """What is stored of a client, JSON objects of features; at least one of the two is there."""

    profile: bytes | None
    application: bytes | None


class ClientLookup(LazyStore[ClientStore]):
    """The client store, by client id."""

    def __init__(self, address: str) -> None:
        super().__init__("clients", lambda: open_clients(address))
        self.get = BatchedLookup(self._find, self.executor).get
        """Profile and latest application; None for an unknown client. Raises ClientStoreError."""

    async def count(self) -> int:
        """How many clients there are. Raises ClientStoreError."""
        return await self.run(lambda store: store.count())

    def _find(self, client_ids: Sequence[str]) -> Mapping[str, KnownClient]:
        profiles, applications = self.use(
            lambda store: (store.get_many(client_ids), store.latest_applications(client_ids))
        )
        known = profiles.keys() | applications.keys()
        return {client_id: KnownClient(profiles.get(client_id), applications.get(client_id)) for client_id in known}


class LazyDecisionStore(LazyStore[DecisionStore]):
    """The decision store, in a thread and on a connection of its own."""

    def __init__(self, name: str, url: str, ids: Ids | None = None) -> None:
        """``ids``: as the monitor makes them, for who looks them up."""
        super().__init__(name, lambda: DecisionStore.open(url, read_only=True, wait_seconds=WAIT_SECONDS, ids=ids))
        path = url.removeprefix("sqlite:///")
        self._file = None if "://" in path else Path(path)

    @property
    def made(self) -> bool:
        """False while no monitor has made the SQLite file."""
        return self._file is None or self._file.exists()


class DecisionLookup(LazyDecisionStore):
    """Decisions by request id, as far as the monitor has stored them."""

    def __init__(self, url: str, ids: Ids) -> None:
        super().__init__("decisions", url, ids)
        self.with_client = ids.with_client
        """A decision and its client's id: the decision with that id, where the store has the client's pseudonym."""
        self.get = BatchedLookup(self._find, self.executor).get
        """The decision's JSON; None without one. Raises StoreError when the store does not answer."""

    def _find(self, request_ids: Sequence[str]) -> Mapping[str, bytes]:
        return self.use(lambda store: store.decisions(request_ids)) if self.made else {}
