"""The Faust transport whose consumer is ours, and what it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from faust.transport.drivers import aiokafka as driver

from stream_app.transport.assignment import SeekListener
from stream_app.transport.consumer import BatchConsumer
from stream_app.transport.log_bounds import OutOfRange
from stream_app.transport.poll import BatchOptions


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with :class:`BatchConsumer`; set it on the app before the app starts."""

    Consumer: ClassVar[type[BatchConsumer]] = BatchConsumer

    def __init__(
        self,
        url: Any,
        app: Any,
        *,
        options: BatchOptions,
        listener: SeekListener,
        on_out_of_range: Callable[[OutOfRange], Awaitable[None]],
    ) -> None:
        """``on_out_of_range``: awaited when a partition could not be read on where it was; RecordsLost ends the app."""
        super().__init__(url, app)
        self.options = options
        self.listener = listener
        self.on_out_of_range = on_out_of_range
