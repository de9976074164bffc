"""The monitor on a backlog: decisions per second from Kafka into SQLite, and the longest block of its event loop.

Windows are years, some 20,000 decisions each; they are analysed and reported on while others are still read, and after.
One scrape a second stands for Prometheus. Gaps of two milliseconds or less are not recorded.
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
from benchmarks.store import decisions
from benchmarks.testbed import TOPICS, Testbed
from stream_app.broker.ports import free_ports

DECISIONS, REPORTS, DEADLINE_SECONDS = 200_000, 2, 120.0
PER_SECOND, GAP_SECONDS = 30_000, 0.020
LOOK_SECONDS, SCRAPE_SECONDS = 0.02, 1.0


@dataclass(frozen=True)
class Progress:
    """Unix times: of the first poll stored, of the last, and of the last window's report; decisions in the first."""

    first: float
    stored_first: int
    last: float
    done: float


def measure(testbed: Testbed, count: int = DECISIONS) -> Report:
    """One monitor, once."""
    _load(testbed, count)
    store, gaps = testbed.folder / "decisions.db", testbed.folder / "gaps"
    (port,) = free_ports(1)
    settings = {
        **testbed.client_settings,
        "store": str(store),
        "reports": str(testbed.folder / "reports"),
        "reports_kept": str(REPORTS),
        "window": "12mo",
        "idle_seconds": "2",
        "monitor_port": str(port),
        "log_level": "warning",
        "fetch_max_wait_seconds": str(testbed.fetch_wait_ms / 1000),
    }
    with testbed.child("benchmarks.loop_lag", str(gaps), **settings) as process:
        progress = _follow(process, store, port, count)
    return _report(testbed, progress, _gaps(gaps), count)


def _load(testbed: Testbed, count: int) -> None:
    folder = testbed.folder / "backlog"
    folder.mkdir()
    producer = Producer({**testbed.librdkafka, "linger.ms": 50, "partitioner": "murmur2_random"})
    for number, value in enumerate(decisions(count, folder)):
        producer.produce(TOPICS.decisions, value, str(number).encode())
        if number % 1_000 == 0:
            producer.flush()
    if producer.flush(120):
        raise KafkaException("the backlog was not loaded")


def _follow(process: Popen[bytes], store: Path, port: int, count: int) -> Progress:
    """Query the store until it holds every decision and the reports of the last windows."""
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
            return Progress(first, stored_first, last, now)
        if first and now - scraped > SCRAPE_SECONDS:
            _scrape(port)
            scraped = now
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"not done within {DEADLINE_SECONDS:g} s")


def _number(store: Path, query: str) -> int:
    """The single number of this query; 0 before there is a store."""
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
        raise AssertionError("the monitor did not serve its metrics") from fault


def _gaps(path: Path) -> list[tuple[float, float]]:
    """Unix time and length of each gap, in seconds."""
    return [(float(when), float(gap)) for when, gap in map(str.split, path.read_text().splitlines())]


def _report(testbed: Testbed, progress: Progress, gaps: list[tuple[float, float]], count: int) -> Report:
    reading = max((gap for when, gap in gaps if progress.first <= when <= progress.last), default=0.0)
    closing_windows = max((gap for when, gap in gaps if progress.last < when <= progress.done), default=0.0)
    per_second = (count - progress.stored_first) / (progress.last - progress.first)
    figures: dict[str, object] = {
        "decisions": count,
        "seconds to the last report": progress.done - progress.first,
        "gaps above 10 ms": sum(gap > 0.010 for when, gap in gaps if progress.first <= when <= progress.done),
    }
    verdicts = [
        Verdict("decisions/s from Kafka into SQLite", per_second, PER_SECOND, at_least=True),
        Verdict("longest gap of the loop while reading a backlog, seconds", reading, GAP_SECONDS, at_least=False),
        Verdict(
            "longest gap while windows are analysed and reported on, seconds",
            closing_windows,
            GAP_SECONDS,
            at_least=False,
        ),
    ]
    return Report("monitor", testbed.engine, figures, verdicts)
