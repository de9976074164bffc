"""Lookups in a store that blocks: off the event loop, and all that gathered during one in a single next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

from monitoring.store import DecisionStore
from stream_app.clients import ClientStore, open_clients
from stream_app.errors import StreamAppError

Found = TypeVar("Found")


class BatchedLookup(Generic[Found]):
    """``find``: keys to what is known of them, run in ``executor``; one at a time, so callers wait for two at most."""

    def __init__(self, find: Callable[[Sequence[str]], Mapping[str, Found]], executor: Executor) -> None:
        self._find, self._executor = find, executor
        self._waiting: dict[str, asyncio.Future[Found | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def get(self, key: str) -> Found | None:
        """What is known of this key. Raises what ``find`` raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(future)  # another caller may wait for the same key

    async def _look(self) -> None:
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, {}
                await self._answer(asked)
        finally:
            self._looking = None

    async def _answer(self, asked: dict[str, asyncio.Future[Found | None]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._executor, self._find, list(asked))
        except Exception as fault:  # noqa: BLE001 - raised where each caller waits
            for future in asked.values():
                future.set_exception(fault)
                future.exception()  # its caller may have gone: asyncio would complain that nobody looked
        else:
            for key, future in asked.items():
                future.set_result(found.get(key))


class _Closes(Protocol):
    def close(self) -> None: ...


WAIT_SECONDS = 1.0
"""For the decision store's lock or connection."""

Store = TypeVar("Store", bound=_Closes)
Result = TypeVar("Result")


class LazyStore(Generic[Store]):
    """A store that is opened at its first use, and anew after a fault that asking again would not mend.

    Not for two threads at once: all use is in ``executor``'s one.
    """

    def __init__(self, name: str, open_it: Callable[[], Store]) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._open, self._store = open_it, None  # type: Callable[[], Store], Store | None

    def use(self, work: Callable[[Store], Result]) -> Result:
        """Do this with the store, here and now. Raises what opening or the work raises."""
        if self._store is None:
            self._store = self._open()
        try:
            return work(self._store)
        except StreamAppError as fault:
            if not getattr(fault, "retry", False):
                self._let_go()
            raise

    async def use_aside(self, work: Callable[[Store], Result]) -> Result:
        """The same, off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, self.use, work)

    async def close(self) -> None:
        """Let go of the store when the work in hand is done."""
        await asyncio.get_running_loop().run_in_executor(self.executor, self._let_go)
        self.executor.shutdown(wait=False)

    def _let_go(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class KnownClient(NamedTuple):
    """What is stored of a client, JSON objects of features; at least one of the two is there."""

    profile: bytes | None
    application: bytes | None


class Clients:
    """Who is known, by client id."""

    def __init__(self, where: str) -> None:
        self._store: LazyStore[ClientStore] = LazyStore("clients", lambda: open_clients(where))
        self._known = BatchedLookup(self._find, self._store.executor)

    async def get(self, client_id: str) -> KnownClient | None:
        """Profile and latest application; None for a client nobody knows. Raises ClientStoreError."""
        return await self._known.get(client_id)

    async def count(self) -> int:
        """How many there are. Raises ClientStoreError."""
        return await self._store.use_aside(lambda store: store.count())

    async def close(self) -> None:
        await self._store.close()

    def _find(self, client_ids: Sequence[str]) -> Mapping[str, KnownClient]:
        profiles, applications = self._store.use(
            lambda store: (store.get_many(client_ids), store.latest_applications(client_ids))
        )
        return {
            each: KnownClient(profiles.get(each), applications.get(each))
            for each in client_ids
            if each in profiles or each in applications
        }


class LazyDecisionStore(LazyStore[DecisionStore]):
    """The decision store, in a thread and on a connection of its own."""

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name, lambda: DecisionStore.open(url, read_only=True, wait_seconds=WAIT_SECONDS))
        self._file = None if "://" in url else Path(url)

    @property
    def made(self) -> bool:
        """False while no monitor has made the store."""
        return self._file is None or self._file.exists()


class DecisionLookup:
    """What was decided, by request id, as far as the monitor has stored it."""

    def __init__(self, url: str) -> None:
        self._store = LazyDecisionStore("decided", url)
        self._known = BatchedLookup(self._find, self._store.executor)

    async def get(self, request_id: str) -> bytes | None:
        """The decision's JSON. Raises StoreError when the store does not answer; one not made yet has none."""
        return await self._known.get(request_id)

    async def close(self) -> None:
        await self._store.close()

    def _find(self, request_ids: Sequence[str]) -> Mapping[str, bytes]:
        return self._store.use(lambda store: store.decisions(request_ids)) if self._store.made else {}
