"""Called by name in a child process: an analyst that is killed or hangs while its row is written and not committed."""

from __future__ import annotations

import os
import signal

import sqlalchemy as sa

from monitoring.jobs.window_job import store_at
from monitoring.store import WindowKey
from tests.builders.drift_events import short_event


def store_row(url: str, key: WindowKey) -> None:
    """As the analyst does, without the statistics."""
    store_at(url).computed(key, short_event(key.id))


def die_at_commit(url: str, key: WindowKey) -> None:
    sa.event.listen(sa.Engine, "commit", lambda _db: os.kill(os.getpid(), signal.SIGKILL))
    store_row(url, key)


def die_after_commit(url: str, key: WindowKey) -> None:
    store_row(url, key)
    os._exit(7)


def hang_at_commit(url: str, key: WindowKey) -> None:
    sa.event.listen(sa.Engine, "commit", lambda _db: signal.pause())
    store_row(url, key)
