"""``python -m tests.broker.faulty FAULT COMMAND...``: the product with one fault in it."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka.errors import IllegalStateError

from stream_app.cli import main
from stream_app.transactions.turns import GroupTransactions
from stream_app.transport import BatchApp, BatchConsumer
from stream_app.worker.scoring import Scoring


async def hung_await(*_: Any) -> None:
    """The agent awaits what never comes."""
    await asyncio.Event().wait()


async def blocked_loop(*_: Any) -> None:
    """A call never returns to the event loop."""
    threading.Event().wait()


async def finished_agent(*_: Any) -> None:
    """The agent's task ends, which Faust does not mind."""
    raise asyncio.CancelledError


async def failed_seek(*_: Any) -> None:
    """Faust takes it for the beginning of another rebalance, and goes on."""
    raise IllegalStateError("a fault of the seek")


async def raised(*_: Any) -> None:
    """No fault that hangs: it ends the process at once, and not as Faust would, which commits first."""
    raise RuntimeError("a fault of its own")


def raised_at_once(*_: Any) -> None:
    """The same in what the worker's timer calls."""
    raise RuntimeError("a fault of its own")


_commits = itertools.count(1)
_commit = GroupTransactions.commit


async def doubted_commit(self: GroupTransactions) -> None:
    """Every twentieth commit happens, and its answer never comes."""
    await _commit(self)
    if next(_commits) % 20 == 0:
        raise TimeoutError


Fault = tuple[type, str, Callable[..., Awaitable[None] | None]]

FAULTS: dict[str, Fault] = {
    "hung_await": (Scoring, "handle", hung_await),
    "blocked_loop": (Scoring, "handle", blocked_loop),
    "finished_agent": (Scoring, "handle", finished_agent),
    "failed_seek": (BatchConsumer, "_seek_once", failed_seek),
}
RAISED: dict[str, Fault] = {
    "raised_in_agent": (Scoring, "handle", raised),
    "raised_in_seek": (BatchConsumer, "_seek_once", raised),
}

RAISED_LATER: dict[str, Fault] = {"raised_in_timer": (BatchApp, "measure_lag", raised_at_once)}

DOUBTED: dict[str, Fault] = {"doubted_commit": (GroupTransactions, "commit", doubted_commit)}

if __name__ == "__main__":
    owner, name, fault = (FAULTS | RAISED | RAISED_LATER | DOUBTED)[sys.argv.pop(1)]
    setattr(owner, name, fault)
    main()
