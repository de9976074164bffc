"""The Faust app around the transport: no tables, hooks around its life."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import faust
from mode import Service

from stream_app.transport.consumer import BatchConsumer


class BatchApp(faust.App):
    """A Faust app without tables: it keeps no folder, and runs hooks around its life.

    ``on_fault`` hears of what any service of the app, such as a seek, raised, before Faust stops them all.
    """

    before_start: Callable[[], Awaitable[None]]
    after_stop: Callable[[], Awaitable[None]]
    on_fault: Callable[[BaseException], None]
    pages: Service

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The consumer, once the app's transport is a :class:`BatchTransport`."""
        return cast(BatchConsumer, self.consumer)

    def _crash(self, reason: BaseException) -> None:
        if not (self.should_stop or isinstance(reason, asyncio.CancelledError)):
            self.on_fault(reason)
        super()._crash(reason)

    def _create_directories(self) -> None:
        """Faust would make a data folder in the working directory for tables there are none of."""

    async def on_first_start(self) -> None:
        """Check what the worker needs before Faust connects to anything."""
        await self.before_start()
        await super().on_first_start()
        await self.add_runtime_dependency(self.pages)

    async def on_stop(self) -> None:
        """Stop Faust first: the last batch is still delivered."""
        await super().on_stop()
        await self.after_stop()
