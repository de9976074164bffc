"""What a monitor under test watches: decisions made by the shipped bundle of the loan book, and the truth about them.

No scorer runs: the records are those it would have published.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec
from kafka import KafkaProducer

from models.bundle import Bundle, load_bundle, shipped_bundle
from monitoring.store import Counts, DecisionStore
from stream_app.demo.loan_book import Replay, read_replay
from stream_app.drift_events import DriftEvent
from stream_app.events import ModelRef
from stream_app.pipeline import Pipeline
from stream_app.tables.columns import Request
from tests.builders.records import Profiles, Record
from tests.servers.deployment import PARTITIONS, Deployment, OutputReader, Worker
from tests.servers.waiting import wait_until

ROWS = 3_000
"""Loans of the first eight weeks of 2005."""

DECISIONS, OUTCOMES = ROWS + 2, ROWS + 1
"""Stored in the end: a decision more is another model's, one is late, and an outcome belongs to no request."""

WEEKS = [f"2005-{monday}" for monday in ("01-03", "01-10", "01-17", "01-24", "01-31", "02-07", "02-14", "02-21")]
LATER_FROM = dt.datetime(2005, 1, 31, tzinfo=dt.UTC)

DECIDED_AT = dt.datetime(2005, 3, 1, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Answer = TypeVar("Answer")
Message = tuple[bytes, bytes | None]
"""Key and value."""


@dataclass(frozen=True)
class Book:
    """``earlier`` and ``later`` decisions, on both sides of a window's end; ``outcomes``. Keys are numbers: client ids.

    Among them is what nobody wants on a topic: see :func:`_spoilt` and :func:`_retold`.
    """

    earlier: Sequence[Message]
    later: Sequence[Message]
    outcomes: Sequence[Message]


def read_book() -> Book:
    """The first loans of the replay, judged."""
    bundle = load_bundle(shipped_bundle())
    replay = read_replay(bundle.contract, ROWS)
    outputs = filter(None, _pipeline(bundle, replay).judge(list(map(_record, replay.requests)), DECIDED_AT).outputs)
    decisions: list[Message] = [(output.key or b"", output.value) for output in outputs]
    earlier = sum(request.requested_at < LATER_FROM for request in replay.requests)
    outcomes: list[Message] = [(outcome.client_id.encode(), msgspec.json.encode(outcome)) for outcome in replay.labels]
    return Book(_spoilt(decisions[:earlier]), decisions[earlier:], _retold(outcomes))


def _pipeline(bundle: Bundle, replay: Replay) -> Pipeline:
    known = dict(replay.profiles)
    profiles = Profiles()
    profiles.get_many = lambda client_ids: {client_id: known[client_id] for client_id in client_ids}  # type: ignore[method-assign]  # a whole book of them
    return Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=ModelRef(bundle.name, bundle.version, bundle.sha256),
        profiles=profiles,
        max_request_bytes=65_536,
    )


def _record(request: Request) -> Record:
    return Record(msgspec.json.encode(request), request.client_id.encode())


def _spoilt(decisions: list[Message]) -> list[Message]:
    """With four records that are no decisions, a decision of a model nobody here knows, and one that is late."""
    garbage = [(b"0", b"{not json"), (b"1", None), (b"2", b"[" * 100_000), changed(decisions[5], outcome="perhaps")]
    of_another_model = changed(decisions[9], request_id="another", model={"name": "sba", "version": "old"})
    late = changed(decisions[9], request_id="late")
    return [*decisions[:10], of_another_model, *decisions[10:500], *garbage, late, *decisions[500:]]


def _retold(outcomes: Sequence[Message]) -> list[Message]:
    """With one told twice, one contradicted, one of a request nobody made, and one that is none."""
    contrary = changed(outcomes[1], defaulted=not msgspec.json.decode(outcomes[1][1] or b"")["defaulted"])
    return [*outcomes, outcomes[0], contrary, changed(outcomes[2], request_id="nobody's"), (b"3", b"?")]


def changed(message: Message, **fields: Any) -> Message:
    """The same record with these fields."""
    return message[0], msgspec.json.encode(msgspec.json.decode(message[1] or b"") | fields)


def publish(bootstrap: str, topic: str, messages: Iterable[Message]) -> None:
    """In order, a partition for each client, and wait until the broker has all of it."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, batch_size=65_536)
    try:
        sent = [
            producer.send(topic, value=value, key=key, partition=int(key or b"0") % PARTITIONS)
            for key, value in messages
        ]
        for each in sent:
            each.get(timeout=30)
    finally:
        producer.close()


@dataclass
class Monitor:
    """A monitor with a store of its own, on the topics of a deployment."""

    deployment: Deployment
    name: str
    store: str
    worker: Worker
    settings: dict[str, Any]

    @classmethod
    def start(cls, deployment: Deployment, name: str, store: str | None = None, **settings: Any) -> Monitor:
        """``name``: of its group, and of its store and its folder of reports where none is given. Not yet ready."""
        folder = deployment.folder
        where = store or str(folder / f"{name}.db")
        given = {
            "monitor_group": f"{deployment.prefix}{name}",
            "store": where,
            "reports": folder / f"{name}-reports",
            "reports_kept": 0,
            "window": "7d",
            "min_window_rows": 30,
            "idle_seconds": 1,
            "revision_interval_seconds": 0,
            **settings,
        }
        return cls(deployment, name, where, deployment.start(command="monitor", ready=False, **given), given)

    def again(self) -> Monitor:
        """The same once more, in a new process and a new group: nothing but the store says where to read on.

        Nor does it wait for the group to give the old one up.
        """
        settings = self.settings | {"monitor_group": f"{self.settings['monitor_group']}-again"}
        worker = self.deployment.start(command="monitor", ready=False, **settings)
        return Monitor(self.deployment, self.name, self.store, worker, settings)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a series over the labels not named; 0 while its pages are not there."""
        total = 0.0
        for line in self.worker.page("metrics").splitlines():
            found = re.fullmatch(rf"loan_monitor_{name}(?:{{(.*)}})? (\S+)", line)
            if found and all(f'{label}="{value}"' in (found[1] or "") for label, value in labels.items()):
                total += float(found[2])
        return total

    def log(self) -> str:
        return self.worker.log.read_text()

    def counts(self) -> Counts:
        return self._asked(DecisionStore.counts)

    def windows(self) -> list[DriftEvent]:
        """What is in the store, oldest first."""
        return self._asked(DecisionStore.windows)

    def is_settled(self, decisions: int, outcomes: int) -> bool:
        """Everything is stored, every window there will be is closed, computed and announced."""
        assert self.worker.process.poll() is None, f"the monitor ended:\n{self.log()[-3000:]}"
        counts = self.counts()
        return (counts.decisions, counts.labels) == (decisions, outcomes) and self._asked(_has_nothing_to_do)

    def settle(self, decisions: int = DECISIONS, outcomes: int = OUTCOMES) -> None:
        wait_until(partial(self.is_settled, decisions, outcomes), f"{self.name} has stored and judged all of it")

    def _asked(self, question: Callable[[DecisionStore], Answer]) -> Answer:
        with DecisionStore.open(self.store, read_only=True) as store:
            return question(store)


def _has_nothing_to_do(store: DecisionStore) -> bool:
    # The last window closes when all partitions rest; without open windows nothing can follow.
    left = store.uncomputed() or store.stale() or store.unpublished()
    total = sum(event.rows + event.late_rows for event in store.windows() if event.window.kind == "time")
    return not left and total == store.counts().decisions


def drift_events(deployment: Deployment) -> list[DriftEvent]:
    """Whatever is on the drift topic, in order."""
    reader = OutputReader(deployment.bootstrap, [deployment.names.drift])
    try:
        records = sorted(reader.read_to_end(), key=lambda record: (record.partition, record.offset))
        return [msgspec.json.decode(record.value, type=DriftEvent) for record in records]
    finally:
        reader.close()


def as_of_no_time(events: Iterable[DriftEvent]) -> list[DriftEvent]:
    """What the events say, without when and how often it was said."""
    return [msgspec.structs.replace(event, computed_at=EPOCH, revision=1) for event in events]
