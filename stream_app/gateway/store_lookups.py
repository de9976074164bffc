"""Lookups in a store that blocks: off the event loop, and all that gathered during one in a single next one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Gathered(Generic[Found]):
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
