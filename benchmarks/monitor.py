"""The monitor on a backlog: how fast decisions get from Kafka into SQLite, and how long its event loop is ever held up.

Windows are years, some 20,000 decisions each; they are judged and reported on while others are read and after. A scrape
a second stands for Prometheus. Only gaps longer than two milliseconds are looked at.
"""

from __future__ import annotations

import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from confluent_kafka import KafkaException, Producer

from benchmarks.report import Report, Verdict
from benchmarks.stage import TOPICS, Stage
from benchmarks.store import decisions
from stream_app.broker.ports import free_ports

DECISIONS, REPORTS, DEADLINE_SECONDS = 200_000, 2, 120.0
PER_SECOND, GAP_SECONDS = 30_000, 0.020
LOOK_SECONDS, SCRAPE_SECONDS = 0.02, 1.0


@dataclass(frozen=True)
class Watched:
    """Unix times: when the first poll was stored and when the last, and when the last window was reported on."""

    first: float
    stored_first: int
    last: float
    done: float


def measure(stage: Stage, count: int = DECISIONS) -> Report:
    """One monitor, once."""
    _load(stage, count)
    store, gaps = stage.folder / "decisions.db", stage.folder / "gaps"
    (port,) = free_ports(1)
    settings = {
        "KAFKA": stage.bootstrap,
        "STORE": str(store),
        "REPORTS": str(stage.folder / "reports"),
        "REPORTS_KEPT": str(REPORTS),
        "WINDOW": "12mo",
        "IDLE_SECONDS": "2",
        "MONITOR_PORT": str(port),
        "LOG_LEVEL": "warning",
        "FETCH_MAX_WAIT_SECONDS": str(stage.fetch_wait_ms / 1000),
    }
    environment = {f"STREAM_APP_{name}": value for name, value in settings.items()}
    with stage.child("benchmarks.heartbeat", str(gaps), **environment) as process:
        watched = _watch(process, store, port, count)
    return _report(stage, watched, _gaps(gaps), count)


def _load(stage: Stage, count: int) -> None:
    folder = stage.folder / "backlog"
    folder.mkdir()
    producer = Producer({"bootstrap.servers": stage.bootstrap, "linger.ms": 50, "partitioner": "murmur2_random"})
    for number, value in enumerate(decisions(count, folder)):
        producer.produce(TOPICS.decisions, value, str(number).encode())
        if number % 1_000 == 0:
            producer.flush()
    if producer.flush(120):
        raise KafkaException("the backlog was not loaded")


def _watch(process: Popen[bytes], store: Path, port: int, count: int) -> Watched:
    """Look at the store until everything is in it, judged and reported on."""
    deadline, scraped = time.time() + DEADLINE_SECONDS, 0.0
    first, stored_first, last = 0.0, 0, 0.0
    while time.time() < deadline:
        assert process.poll() is None, f"the monitor ended with status {process.returncode}"
        stored, now = _number(store, "SELECT sum(next_offset) FROM positions"), time.time()
        if stored and not first:
            first, stored_first = now, stored
        if stored == count and not last:
            last = now
        if last and _number(store, "SELECT count(*) FROM windows WHERE report IS NOT NULL") >= REPORTS:
            return Watched(first, stored_first, last, now)
        if first and now - scraped > SCRAPE_SECONDS:
            _scrape(port)
            scraped = now
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"not done within {DEADLINE_SECONDS:g} s")


def _number(store: Path, query: str) -> int:
    """The answer; 0 before there is a store."""
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
            return int(db.execute(query).fetchone()[0] or 0)
    except sqlite3.OperationalError:
        return 0


def _scrape(port: int) -> None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            page.read()
    except (urllib.error.URLError, TimeoutError) as fault:
        raise AssertionError("no page of metrics") from fault


def _gaps(path: Path) -> list[tuple[float, float]]:
    """When and how long, in seconds."""
    return [(float(at), float(gap)) for at, gap in map(str.split, path.read_text().splitlines())]


def _report(stage: Stage, watched: Watched, gaps: list[tuple[float, float]], count: int) -> Report:
    reading = max((gap for at, gap in gaps if watched.first <= at <= watched.last), default=0.0)
    closing_windows = max((gap for at, gap in gaps if watched.last < at <= watched.done), default=0.0)
    per_second = (count - watched.stored_first) / (watched.last - watched.first)
    figures: dict[str, object] = {
        "decisions": count,
        "seconds to the last report": watched.done - watched.first,
        "gaps above 10 ms": sum(gap > 0.010 for at, gap in gaps if watched.first <= at <= watched.done),
    }
    verdicts = [
        Verdict("decisions/s from Kafka into SQLite", per_second, PER_SECOND, at_least=True),
        Verdict("longest gap of the loop while reading a backlog, seconds", reading, GAP_SECONDS, at_least=False),
        Verdict(
            "longest gap while windows are judged and reported on, seconds",
            closing_windows,
            GAP_SECONDS,
            at_least=False,
        ),
    ]
    return Report("monitor", stage.engine, figures, verdicts)
