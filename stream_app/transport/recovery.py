"""The service of Faust's that seeks after a rebalance and then lets records flow again."""

from __future__ import annotations

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery


class PatientRecovery(Recovery):
    """Faust's, without its time limit for a seek.

    It takes a seek that is not over within ``broker_request_timeout`` for its own stop, and ends for good: the worker
    would own partitions and fetch nothing of them. A broker that hangs is enough for that. Ours end when
    the brokers answer, when the partitions go, or with the process.
    """

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ARG002 - the point of it
        await super()._wait(coro)


class PatientTables(TableManager):
    """Faust's tables, of which there are none, with :class:`PatientRecovery` beside them."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = PatientRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
