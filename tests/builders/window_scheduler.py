"""A window scheduler among fakes: a store in memory, an analyst and a broker that fail on demand, metrics that
record what was called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from typing import Any

from monitoring.event_time import WindowSize
from monitoring.log_lines import LogLines
from monitoring.store import PartitionOffset, Unpublished, WindowKey
from monitoring.windows.due import Windowing
from monitoring.windows.scheduler import WindowScheduler
from stream_app.drift_events import DriftEvent
from stream_app.errors import ChildCrashed, DeliveryFailed, StoreUnavailable
from tests.builders.drift_events import short_event

DAY = 86_400_000_000


def key(name: str, labels_seen: int = 0) -> WindowKey:
    return WindowKey(name, "time", 0, DAY, None, None, labels_seen)


class Store:
    """Windows in memory; the step named ``failing`` raises."""

    def __init__(self, *closed: WindowKey) -> None:
        self.closed = {key.id: key for key in closed}
        self.events: dict[str, DriftEvent] = {}
        self.labels: dict[str, int] = {}
        self.sent: dict[str, int] = {}
        self.failing = ""
        self.steps: list[str] = []
        self.read: dict[Any, PartitionOffset] = {
            ("d", 0): PartitionOffset(5, 9 * DAY),
            ("o", 0): PartitionOffset(1, 99 * DAY),
        }
        self.removed: list[int] = []

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self.failing:
            raise StoreUnavailable("The store is away.")

    def offsets(self) -> dict[Any, PartitionOffset]:
        self._step("offsets")
        return self.read

    def windows(self, last: int) -> list[DriftEvent]:
        self._step("windows")
        return list(self.events.values())[-last:]

    def close_due(self, before_us: int, _size: WindowSize, _at_us: int) -> None:
        self._step("close_due")
        self.closed_before_us = before_us

    def close_due_counts(self, _count: int, _at_us: int) -> None:
        self._step("close_due_counts")

    def uncomputed(self) -> list[WindowKey]:
        self._step("uncomputed")
        return [key for key in self.closed.values() if key.id not in self.events]

    def stale(self) -> list[WindowKey]:
        computed = [key for key in self.closed.values() if key.id in self.events]
        return [
            key._replace(revision=self.events[key.id].revision)
            for key in computed
            if self.labels[key.id] < key.labels_seen
        ]

    def window_event(self, name: str) -> DriftEvent | None:
        self._step("window_event")
        return self.events.get(name)

    def compute(self, key: WindowKey) -> None:
        self.events[key.id], self.labels[key.id] = short_event(key.id, key.revision + 1), key.labels_seen

    def unpublished(self, _now_us: int, _interval_us: int) -> list[Unpublished]:
        self._step("unpublished")
        waiting = [event for event in self.events.values() if event.revision > self.sent.get(event.window.id, 0)]
        return [Unpublished(event.window.id, event.revision, b"") for event in waiting]

    def published(self, name: str, revision: int, _at_us: int) -> None:
        self._step("published")
        self.sent[name] = revision

    def remove_before(self, before_us: int) -> int:
        self._step("remove_before")
        self.removed.append(before_us)
        return 3 if len(self.removed) == 1 else 0


class Analyst:
    """Computes windows into the store, but for the next ``fails`` times; ``stores_first``: and fails after that."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.asked: list[tuple[str, int]] = []
        self.fails, self.stores_first = 0, False
        self.error: Exception = ChildCrashed("The analyst died.")

    def compute(self, key: WindowKey) -> None:
        self.asked.append((key.id, key.revision + 1))
        if not self.fails or self.stores_first:
            self._store.compute(key)
        if self.fails:
            self.fails -= 1
            raise self.error


class Metrics:
    """Records the names of the methods called."""

    keep_windows = 48

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, method: str) -> Callable[..., None]:
        return lambda *_: self.called.append(method)


class Monitor:
    """A scheduler of one partition, and what it published and had reported."""

    def __init__(self, store: Store, count: int = 0) -> None:
        self.store, self.analyst, self.metrics = store, Analyst(store), Metrics()
        self.published: list[str] = []
        self.reported: list[str] = []
        self.broker_fails = 0
        self.idle: Set[int] = frozenset()
        self.scheduler = WindowScheduler(
            store=store,  # type: ignore[arg-type]
            decisions_topic="d",
            windowing=Windowing(WindowSize.parse("1d"), lateness_us=0, count=count, retention_us=2 * DAY),
            find_idle=self._idle,
            compute=self.analyst.compute,
            publish=self._publish,
            report=lambda key: self.reported.append(key.id),
            metrics=self.metrics,  # type: ignore[arg-type]
            log_lines=LogLines("v", lambda: 0.0),
            revision_interval_us=0,
            now_us=lambda: 10 * DAY,
        )
        self.scheduler.partitions = 1

    async def _idle(self, next_offsets: Mapping[int, int]) -> Set[int]:
        assert next_offsets == {
            number: at.next_offset for (topic, number), at in self.store.read.items() if topic == "d"
        }
        return self.idle

    async def _publish(self, name: str, _record: bytes) -> None:
        if self.broker_fails:
            self.broker_fails -= 1
            raise DeliveryFailed("The broker is away.")
        self.published.append(name)

    def tick(self, leading: bool = True) -> None:
        asyncio.run(self.scheduler.tick(leading))
