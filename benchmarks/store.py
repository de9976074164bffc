"""How fast the monitor ingests decisions: Kafka records as the scorer writes them, decoded and put into the store.

Polls of 2,048 records from four partitions go through the monitor's own code, without a broker. Request ids are random,
as those of many clients together are, so that inserts spread over the whole index; the store is empty at first.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median

import msgspec

from benchmarks.contestants.harness import Record, product_pipeline
from benchmarks.loans import read_book, store_clients
from benchmarks.report import Report, Verdict
from monitoring.decode import Clocking, Partition, read_runs
from monitoring.event_time import EventClock, WindowSize
from monitoring.store import DecisionStore, Put
from stream_app.events import Label
from tests.servers.postgres import Postgres
from tests.servers.tools import ToolMissing

DECISIONS, LABELS, ROUNDS = 200_000, 50_000, 3
POLL, PARTITIONS = 2_048, 4
DECISIONS_PER_SECOND = 30_000
"""The promise, on SQLite."""

TOPIC, LABEL_TOPIC = "loan.decisions", "loan.outcomes"
CLOCKING = Clocking(WindowSize.parse("1mo"), 86_400_000_000, 2**62)
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)

Poll = dict[Partition, list[Record]]


def measure() -> Report:
    """SQLite in several rounds; PostgreSQL once, if a server can be started."""
    with tempfile.TemporaryDirectory() as folder:
        values = list(decisions(DECISIONS, Path(folder)))
        rounds = [_figures(str(Path(folder) / f"{n}.db"), values) for n in range(ROUNDS)]
    rates = [figures["decisions a second"] for figures in rounds]
    figures: dict[str, object] = {
        "decisions": DECISIONS,
        "bytes a decision": sum(map(len, values)) / DECISIONS,
        **{f"sqlite, round {n}": one_round for n, one_round in enumerate(rounds, 1)},
        "postgresql": _on_postgresql(values),
    }
    kept = Verdict("decisions/s into SQLite, median", median(rates), DECISIONS_PER_SECOND, at_least=True)
    return Report("store", "no broker", figures, [kept])


def decisions(count: int, folder: Path) -> Iterator[bytes]:
    """The scorer's decisions on applications of the loan book, each with a random request id."""
    book, ids = read_book(), Random(7)
    store_clients(book, folder / "clients.db")
    pipeline = product_pipeline(folder / "clients.db")
    for start in range(0, count, POLL):
        batch = (book.requests[n % len(book)] for n in range(start, min(start + POLL, count)))
        requests = [msgspec.structs.replace(one, request_id=str(uuid.UUID(int=ids.getrandbits(128)))) for one in batch]
        raw = [_record("", 0, 0, msgspec.json.encode(one), one.client_id.encode()) for one in requests]
        yield from (output.value or b"" for output in pipeline.judge(raw, NOW).outputs if output)


def _on_postgresql(values: Sequence[bytes]) -> dict[str, float] | str:
    try:
        server = Postgres()
    except ToolMissing as missing:
        return f"not measured: {missing}"
    try:
        return _figures(server.new_database("bench"), values)
    finally:
        server.remove()


def _figures(url: str, values: Sequence[bytes]) -> dict[str, float]:
    """Decisions a second over all polls and over the last quarter, when the indexes have grown; labels a second."""
    labels = [_label(value) for value in values[:: len(values) // LABELS]]
    with DecisionStore.open(url) as store:
        cpu_before = time.process_time()
        seconds = [_timed(store, poll) for poll in polls(TOPIC, values)]
        cpu = time.process_time() - cpu_before
        label_seconds = [_timed(store, poll) for poll in polls(LABEL_TOPIC, labels)]
        assert store.counts().decisions == len(values)
        assert (store.counts().labels, store.counts().labels_pending) == (len(labels), 0)
    last = seconds[-len(seconds) // 4 :]
    return {
        "decisions a second": len(values) / sum(seconds),
        "in the last quarter": len(last) * POLL / sum(last),
        "CPU of this process, microseconds a decision": cpu / len(values) * 1e6,
        "slowest poll, seconds": max(seconds),
        "labels a second": len(labels) / sum(label_seconds),
    }


def _timed(store: DecisionStore, poll: Poll) -> float:
    """Seconds to decode and store one poll."""
    start = time.perf_counter()
    incoming = read_runs(poll, TOPIC, {partition: EventClock() for partition in poll}, CLOCKING)
    store.put(Put(incoming.decisions, incoming.labels, incoming.offsets, CLOCKING.size))
    return time.perf_counter() - start


def _label(decision: bytes) -> bytes:
    decided = msgspec.json.decode(decision)
    return msgspec.json.encode(Label(decided["request_id"], decided["client_id"], False, NOW))


def polls(topic: str, values: Sequence[bytes]) -> Iterator[Poll]:
    """The values as records in polls, spread over the partitions."""
    for start in range(0, len(values), POLL):
        poll: Poll = {}
        for n, value in enumerate(values[start : start + POLL], start):
            number = n % PARTITIONS
            poll.setdefault((topic, number), []).append(_record(topic, number, n // PARTITIONS, value))
        yield poll


def _record(topic: str, partition: int, offset: int, value: bytes, key: bytes = b"") -> Record:
    return Record(topic, partition, offset, key, value, headers=[], timestamp=0)
