"""Parts of Faust that are replaced because they would stop a batch topic from being read."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP

from stream_app.runtime.library_logs import SERVICES


class RecoveryWithoutTimeout(Recovery):
    """Faust's service that seeks after a rebalance and lets records flow again, without its time limit for a seek.

    Faust takes a seek that is not over within ``broker_request_timeout`` for its own stop, and the service ends for
    good: the worker would own partitions and fetch nothing of them. A broker that hangs is enough for that. Here a seek
    ends when the brokers answer, when the partitions are revoked, or with the process.
    """

    logger = SERVICES

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ARG002 - the point of it
        await super()._wait(coro)


class TablesWithoutTimeout(TableManager):
    """Faust's tables, of which there are none, with :class:`RecoveryWithoutTimeout` beside them."""

    logger = SERVICES

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = RecoveryWithoutTimeout(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class NoReadWatermark(defaultdict[TP, int | None]):
    """Disables Faust's watermark of what it read of each partition, below which it drops records, for batch topics.

    Faust sets it when a queue took a poll, perhaps after a seek went back behind that poll; it would then drop the
    records that the seek has fetched again.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__(lambda: None)
        self._topics = topics

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        super().__setitem__(tp, None if tp.topic in self._topics else offset)
