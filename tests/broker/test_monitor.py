"""The monitor against real brokers: each decision once in the store, each window judged the same, come what may."""

from __future__ import annotations

import os
import signal
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stream_app.drift_events import DriftEvent
from tests.broker.conftest import ENGINES
from tests.broker.watched import (
    DECISIONS,
    OUTCOMES,
    WEEKS,
    Book,
    Monitor,
    as_of_no_time,
    drift_events,
    publish,
    read_book,
)
from tests.servers.deployment import PARTITIONS, Deployment
from tests.servers.postgres import Postgres
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("monitor")]  # most look at one undisturbed run


@pytest.fixture(scope="module")
def book() -> Book:
    return read_book()


def deployment_on(broker: Any, folder: Path) -> Deployment:
    return Deployment.on(broker, f"monitor-{uuid.uuid4().hex[:8]}.", folder / "clients.db", folder)


def send(to: Deployment, book: Book, *, earlier: bool = True, later: bool = True) -> None:
    """The earlier decisions with all outcomes, the later ones, or everything."""
    if earlier:
        publish(to.bootstrap, to.names.outcomes, book.outcomes)
        publish(to.bootstrap, to.names.decisions, book.earlier)
    if later:
        publish(to.bootstrap, to.names.decisions, book.later)


@dataclass
class Calm:
    """A deployment whose topics are full, and the monitor that read them undisturbed."""

    deployment: Deployment
    monitor: Monitor

    def is_found_by(self, other: Monitor) -> bool:
        """Whether it stored and judged exactly the same."""
        assert other.counts() == self.monitor.counts()
        return as_of_no_time(other.windows()) == as_of_no_time(self.monitor.windows())


def watched_calmly(broker: Any, book: Book, folder: Path) -> Iterator[Calm]:
    """The monitor is there before the records are, and the first of them is an outcome without its decision."""
    deployment = deployment_on(broker, folder)
    monitor = Monitor.start(deployment, "calm", reports_kept=2)
    publish(deployment.bootstrap, deployment.names.outcomes, book.outcomes[7:8])
    wait_until(lambda: monitor.metric("outcomes_pending") == 1, "an outcome waits for its decision")
    send(deployment, book)
    monitor.settle()
    yield Calm(deployment, monitor)
    deployment.stop()


@pytest.fixture(scope="module")
def calm(kafka_broker: Any, book: Book, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    yield from watched_calmly(kafka_broker, book, tmp_path_factory.mktemp("kafka"))


@pytest.fixture(scope="module")
def calm_on_tansu(tansu_broker: Any, book: Book, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    yield from watched_calmly(tansu_broker, book, tmp_path_factory.mktemp("tansu"))


@pytest.fixture(params=ENGINES)
def either(request: pytest.FixtureRequest) -> Calm:
    found: Calm = request.getfixturevalue("calm" if request.param == "kafka" else "calm_on_tansu")
    return found


@pytest.fixture
def deployment(kafka_broker: Any, tmp_path: Path) -> Iterator[Deployment]:
    """Topics nobody else watches."""
    made = deployment_on(kafka_broker, tmp_path)
    yield made
    made.stop()


# ---- end to end ------------------------------------------------------------------------------------------------------


def test_decisions_and_outcomes_become_windows_in_the_store_events_on_the_topic_and_gauges(either: Calm) -> None:
    monitor, events = either.monitor, either.monitor.windows()
    assert [event.window.id for event in events] == WEEKS
    assert (sum(event.rows for event in events), sum(event.late_rows for event in events)) == (DECISIONS - 1, 1)
    assert {performance.labelled_share for event in events for performance in event.performance} == {1.0, 0.0}
    assert last_announced(either.deployment) == events
    shown = [monitor.metric("window_rows", window=event.window.id) for event in events]
    assert shown == [event.rows for event in events]
    assert monitor.metric("windows_closed_total") == len(WEEKS)


def test_each_record_that_is_not_in_order_is_counted_as_what_it_is(either: Calm) -> None:
    monitor, names = either.monitor, either.deployment.names
    assert (monitor.counts().decisions, monitor.counts().labels) == (DECISIONS, OUTCOMES)
    counted = {
        "unreadable decisions": monitor.metric("unreadable_records_total", topic=names.decisions),
        "unreadable outcomes": monitor.metric("unreadable_records_total", topic=names.outcomes),
        "of another model": monitor.metric("unknown_model_decisions_total"),
        "outcomes told twice": monitor.metric("outcomes_total", result="repeated"),
        "outcomes contradicting": monitor.metric("outcomes_total", result="contradicting"),
        "outcomes of nobody's request": monitor.metric("outcomes_pending"),
        "late": monitor.metric("decisions_total", result="late"),
    }
    assert list(counted.values()) == [4, 1, 1, 2, 1, 1, 1], counted


def test_both_brokers_make_the_same_of_the_same_records(calm: Calm, calm_on_tansu: Calm) -> None:
    assert calm.is_found_by(calm_on_tansu.monitor)


def test_the_newest_reports_stay_and_the_monitor_ends_at_once_when_told_to(either: Calm) -> None:
    folder = either.deployment.folder / "calm-reports"
    newest = {f"window-{window}.html" for window in WEEKS[-2:]}
    wait_until(lambda: {path.name for path in folder.glob("*")} == newest, "the two newest reports are there, alone")
    assert either.monitor.worker.end(signal.SIGTERM) == 0
    assert "Traceback" not in either.monitor.log()
    assert "was not" not in either.monitor.log()


def test_everything_read_once_more_changes_nothing(calm: Calm) -> None:
    before, counts, announced = calm.monitor.windows(), calm.monitor.counts(), drift_events(calm.deployment)
    with closing(sqlite3.connect(calm.monitor.store)) as store, store:
        store.execute("DELETE FROM positions")
    again = calm.monitor.again()
    wait_until(lambda: again.metric("decisions_total", result="known") == DECISIONS, "all decisions are read again")
    wait_until(lambda: again.metric("consumer_lag_records") == 0, "and all outcomes")
    again.settle()
    assert (again.windows(), again.counts(), drift_events(calm.deployment)) == (before, counts, announced)
    assert again.metric("window_rows") == DECISIONS - 1
    again.worker.end(signal.SIGKILL)


# ---- trouble ---------------------------------------------------------------------------------------------------------


def has_stored(monitor: Monitor, decisions: int) -> bool:
    return monitor.metric("decisions_total") > decisions


def test_a_monitor_killed_in_mid_stream_again_and_again_finds_what_an_undisturbed_one_finds(calm: Calm) -> None:
    monitor = Monitor.start(calm.deployment, "killed", max_poll_records=10)
    for _ in range(3):
        wait_until(partial(has_stored, monitor, 300), "the monitor is in the middle of it")
        monitor.worker.end(signal.SIGKILL)
        assert monitor.counts().decisions < DECISIONS, "the kill came too late to prove anything"
        monitor = monitor.again()
    monitor.settle()
    assert calm.is_found_by(monitor)
    monitor.worker.end(signal.SIGKILL)


def test_a_locked_store_a_killed_analyst_and_no_room_for_reports_cost_nothing_and_are_told(
    calm: Calm, book: Book, deployment: Deployment
) -> None:
    no_folder = deployment.folder / "a-file"
    no_folder.touch()
    monitor = Monitor.start(deployment, "troubled", reports=no_folder, reports_kept=1)
    send(deployment, book, later=False)
    [analyst] = wait_until(lambda: children_of(monitor), "the analyst computes its first window")
    os.kill(analyst, signal.SIGKILL)
    wait_until(lambda: monitor.metric("windows_closed_total") >= 1, "a new analyst computes it")
    with closing(sqlite3.connect(monitor.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        send(deployment, book, earlier=False)
        wait_until(lambda: monitor.metric("store_failures_total") >= 1, "the store was asked in vain")
    monitor.settle()
    assert calm.is_found_by(monitor)
    assert monitor.metric("child_failures_total", child="analyst") == 1
    wait_until(lambda: monitor.metric("reports_total", result="failed") >= 1, "a report was not written")
    for line in ("(try 1 of 3). The analyst died", "does not answer: database is locked", "was not made. The report"):
        assert line in monitor.log()


def test_a_database_server_that_stops_in_mid_stream_and_comes_back_has_missed_nothing(
    calm: Calm, postgres: Postgres
) -> None:
    store = postgres.new_database("monitor")
    monitor = Monitor.start(calm.deployment, "on-postgres", store, max_poll_records=10)
    wait_until(lambda: monitor.metric("decisions_total") > 300, "the monitor is in the middle of it")
    postgres.stop()
    wait_until(lambda: monitor.metric("store_failures_total") >= 1, "the store was asked in vain")
    assert monitor.metric("decisions_total") < DECISIONS, "the stop came too late to prove anything"
    postgres.start()
    monitor.settle()
    assert calm.is_found_by(monitor)
    assert postgres_password_is_not_in(monitor.log(), store)
    monitor.worker.end(signal.SIGKILL)


def postgres_password_is_not_in(log: str, url: str) -> bool:
    return url.split("@")[0].split(":", 2)[2] not in log


def test_two_monitors_share_the_partitions_and_one_that_hangs_or_dies_is_replaced(
    calm: Calm, book: Book, deployment: Deployment
) -> None:
    monitors = [Monitor.start(deployment, "shared", max_poll_records=10) for _ in range(2)]
    wait_until(lambda: [assigned(each) for each in monitors] == [PARTITIONS] * 2, "the partitions are shared")
    [leader, other] = sorted(monitors, key=leads, reverse=True)
    send(deployment, book, later=False)
    wait_until(lambda: leader.metric("decisions_total") > 100, "the leader is in the middle of it")
    leader.worker.process.send_signal(signal.SIGSTOP)  # perhaps in the middle of a put, with the store's lock in hand
    wait_until(
        lambda: assigned(other) == 2 * PARTITIONS or other.metric("store_failures_total"), "the other one takes over"
    )
    leader.worker.process.send_signal(signal.SIGCONT)
    wait_until(lambda: [assigned(each) for each in monitors] == [PARTITIONS] * 2, "the partitions are shared again")
    [leader, other] = sorted(monitors, key=leads, reverse=True)
    wait_until(lambda: len(leader.windows()) >= 1, "the leader closes windows")
    leader.worker.end(signal.SIGKILL)
    send(deployment, book, earlier=False)
    wait_until(lambda: leads(other), "the other one leads")
    publish(deployment.bootstrap, deployment.names.outcomes, book.outcomes[7:8])  # as in the calm run
    other.settle()
    assert calm.is_found_by(other)
    assert last_announced(deployment) == other.windows()


def last_announced(deployment: Deployment) -> list[DriftEvent]:
    """The newest revision of each window on the topic, in order of time."""
    newest = {event.window.id: event for event in drift_events(deployment)}
    return [newest[window] for window in sorted(newest)]


def assigned(monitor: Monitor) -> float:
    return monitor.metric("partitions_assigned")


def leads(monitor: Monitor) -> bool:
    """Whether it owns partition 0 of the decisions."""
    topic = monitor.deployment.names.decisions
    return f'consumer_lag_records{{partition="0",topic="{topic}"}}' in monitor.worker.page("metrics")


def children_of(monitor: Monitor) -> list[int]:
    """Spawned processes of the monitor."""
    tasks = Path(f"/proc/{monitor.worker.process.pid}/task").glob("*/children")
    pids = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
