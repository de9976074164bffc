"""What release 0.1 wrote, today's code reads: bundle, stores, the records of every topic. See the fixture's README."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.bundle import Bundle, load_bundle
from monitoring.decode import Clocking, read_runs
from monitoring.event_time import WindowSize
from monitoring.store import DecisionStore
from stream_app.clients import ClientStore, open_clients
from stream_app.drift_events import DriftEvent
from stream_app.events import ModelRef, Output, RejectionReason
from stream_app.pipeline import Pipeline
from stream_app.settings import WorkerSettings
from stream_app.steps.deduplicate import DecidedIds
from tests.builders.records import NOW, Record

RELEASE = Path(__file__).parents[1] / "fixtures" / "release-0.1"
DECISIONS, REJECTIONS, LABELS, DRIFT = "loan.decisions", "loan.rejections", "loan.outcomes", "loan.drift"


@dataclass(frozen=True)
class Topics:
    """The records of each topic by partition, in the order of their offsets."""

    runs: dict[tuple[str, int], list[Record]]

    @classmethod
    def read(cls) -> Topics:
        runs = defaultdict(list)
        for line in gzip.decompress((RELEASE / "topics.jsonl.gz").read_bytes()).splitlines():
            record = _record(json.loads(line))
            runs[record.topic, record.partition].append(record)
        return cls(runs)

    def of(self, topic: str) -> list[Record]:
        return [record for (name, _), run in self.runs.items() if name == topic for record in run]


def _record(line: dict[str, Any]) -> Record:
    key, value = (None if line[part] is None else line[part].encode() for part in ("key", "value"))
    headers = [(name, text.encode()) for name, text in line["headers"]]
    return Record(value, key, line["topic"], line["partition"], line["offset"], headers, line["timestamp"])


@pytest.fixture(scope="module")
def topics() -> Topics:
    return Topics.read()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(RELEASE / "bundle")


def unpacked(name: str, folder: Path) -> str:
    path = folder / name
    path.write_bytes(gzip.decompress((RELEASE / f"{name}.gz").read_bytes()))
    return str(path)


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[ClientStore]:
    with open_clients(unpacked("clients.db", tmp_path)) as store:
        yield store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DecisionStore]:
    with DecisionStore.open(unpacked("decisions.db", tmp_path)) as opened:  # as a monitor does, which upgrades it
        yield opened


def test_its_requests_are_decided_as_it_decided_them(topics: Topics, bundle: Bundle, clients: ClientStore) -> None:
    """Both topics in full: keys, values and headers, for each partition in order; only when it was decided differs, and
    the words of a rejection, which may get clearer."""
    pipeline = Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=ModelRef(bundle.name, bundle.version, bundle.sha256),
        profiles=clients,
        max_request_bytes=WorkerSettings.model_fields["max_request_bytes"].default,
        decided_ids=DecidedIds(most=1_000, seconds=1),
    )
    for partition in (0, 1):
        outputs = list(filter(None, pipeline.judge(topics.runs["loan.requests", partition], NOW).outputs))
        for topic, rejected in ((DECISIONS, False), (REJECTIONS, True)):
            again = [comparable(output) for output in outputs if output.rejected == rejected]
            assert again == [comparable(record) for record in topics.runs[topic, partition]]


def comparable(record: Record | Output) -> tuple[object, ...]:
    """Floats to twelve digits: another processor may round the last ones otherwise."""
    try:
        value = json.loads(record.value or b"", parse_float=lambda digits: f"{float(digits):.12g}")
    except ValueError:
        value = record.value
    if isinstance(value, dict):
        value.pop("decided_at", None)
    return record.key, value, [header for header in record.headers if header[0] != "rejection-message"]


def test_its_decisions_and_labels_are_read_by_the_monitor(topics: Topics) -> None:
    clocking = Clocking(WindowSize.parse("1mo"), lateness_us=0, not_after_us=2**62)
    runs = {place: run for place, run in topics.runs.items() if place[0] in (DECISIONS, LABELS)}
    incoming = read_runs(runs, DECISIONS, {}, clocking)
    assert incoming.unreadable.total() == 0
    assert (len(incoming.decisions), len(incoming.labels)) == (180, 138)


def test_its_rejections_have_a_reason_that_is_known(topics: Topics) -> None:
    reasons = Counter(
        RejectionReason(dict(record.headers)["rejection-reason"].decode()) for record in topics.of(REJECTIONS)
    )
    assert len(reasons) == len(topics.of(REJECTIONS)) == 13, "one of each"


def test_its_clients_are_found_with_what_they_applied_for(topics: Topics, clients: ClientStore) -> None:
    ids = {record.key.decode() for record in topics.of(DECISIONS) if record.key}
    assert len(ids) == 180
    assert clients.get_many(ids).keys() == clients.latest_applications(ids).keys() == ids


def test_its_decisions_are_in_the_store_as_they_are_on_the_topic(topics: Topics, store: DecisionStore) -> None:
    on_topic = {json.loads(record.value or b"")["request_id"]: record.value for record in topics.of(DECISIONS)}
    assert store.decisions(on_topic) == on_topic
    counts = store.counts()
    assert (counts.decisions, counts.labels, counts.labels_pending) == (180, 136, 1)
    assert (counts.contradictions, counts.windows) == (1, 6)


def test_its_windows_are_in_the_store_with_the_newest_event_of_each(topics: Topics, store: DecisionStore) -> None:
    events = [msgspec.json.decode(record.value or b"", type=DriftEvent) for record in topics.of(DRIFT)]
    newest = {event.window.id: event for event in sorted(events, key=lambda event: event.revision)}
    assert {event.window.id: event for event in store.windows()} == newest
    assert {"2005-01", "2005-02", "2005-03"} < newest.keys()


def test_its_store_takes_more(store: DecisionStore) -> None:
    """Upgraded, it is the store of today: the windows close and the places to read on from are known."""
    assert {topic for topic, _ in store.offsets()} == {DECISIONS, LABELS}
    april_us = int(dt.datetime(2005, 4, 1, tzinfo=dt.UTC).timestamp() * 1e6)
    assert store.close_due(april_us, WindowSize.parse("1mo"), april_us) == []
