"""``stream-app person`` on real brokers: records in the export, the null, and topics that are read again."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from kafka.admin import ConfigResource

from monitoring.store import DecisionStore, Ids
from stream_app.broker import Broker
from stream_app.clients import SQLiteClients
from stream_app.commands.person import command
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from tests.broker.watched import Message, Monitor, publish
from tests.builders.store_rows import engine_of
from tests.servers.deployment import Deployment
from tests.servers.waiting import wait_until

ANNA, BEN = "7007007", "6006006"


@pytest.fixture
def deployment(broker: Broker, unique_prefix: str, tmp_path: Path) -> Any:
    """With Anna and Ben in a client store and on every topic, on each engine in turn."""
    made = Deployment.on(broker, unique_prefix, tmp_path / "clients.db", tmp_path)
    if made.engine == "kafka":
        keep_a_week(made)
    fill(made)
    yield made
    made.stop()


def keep_a_week(deployment: Deployment) -> None:
    with admin_client(KafkaConnection(deployment.bootstrap)) as admin:
        week = ConfigResource("TOPIC", deployment.names.decisions, {"retention.ms": str(7 * 86_400_000)})
        admin.alter_configs([week], raise_on_unknown=False)


def fill(deployment: Deployment) -> None:
    with SQLiteClients(Path(deployment.clients), create=True) as clients:
        clients.put_many([(ANNA, b"{}"), (BEN, b"{}")])
    names = deployment.names
    for topic, message in ((names.decisions, decision), (names.outcomes, label), (names.clients, profile)):
        publish(deployment.bootstrap, topic, [message(ANNA), message(BEN)])
    publish(deployment.bootstrap, names.rejections, [(b"0", json.dumps({"client_id": ANNA}).encode()), (b"1", b"{")])


def decision(client_id: str) -> Message:
    fields = {"outcome": "approved", "probability_of_default": 0.1, "model": {"version": "v"}}
    times = {"requested_at": "2005-01-03T00:00:00Z", "decided_at": "2005-01-03T00:00:01Z"}
    ids = {"request_id": f"r{client_id}", "client_id": client_id}
    return client_id.encode(), json.dumps(ids | fields | times).encode()


def label(client_id: str) -> Message:
    ids = {"request_id": f"r{client_id}", "client_id": client_id}
    return client_id.encode(), json.dumps(ids | {"defaulted": True, "observed_at": "2006-01-03T00:00:00Z"}).encode()


def profile(client_id: str) -> Message:
    return client_id.encode(), b'{"state":"CA"}'


def person(deployment: Deployment, *words: str, store: str) -> str:
    places = ["--clients", str(deployment.clients), "--store", store]
    broker = ["--kafka", deployment.bootstrap, "--topic-prefix", deployment.prefix]
    return CliRunner().invoke(command, [*words, *places, *broker], catch_exceptions=False).stdout


def test_the_export_has_the_records_on_the_topics_and_an_erasure_sends_a_null(
    deployment: Deployment, tmp_path: Path
) -> None:
    store = str(tmp_path / "decisions.db")
    DecisionStore.open(store).close()
    export = partial(person, deployment, "export", ANNA, "--topics", store=store)
    before = {topic["topic"].removeprefix(deployment.prefix): topic for topic in json.loads(export())["topics"]}
    values = {name: [record["value"] for record in topic["records"]] for name, topic in before.items()}
    assert values == {
        "loan.requests": [],
        "loan.decisions": [json.loads(decision(ANNA)[1] or b"")],
        "loan.rejections": [{"client_id": ANNA}],
        "loan.outcomes": [json.loads(label(ANNA)[1] or b"")],
        "loan.clients": [{"state": "CA"}],
    }
    if deployment.engine == "kafka":  # Tansu does not say
        until = dt.datetime.fromisoformat(before["loan.decisions"]["until"])
        assert dt.timedelta(days=6.9) < until - dt.datetime.now(dt.UTC) < dt.timedelta(days=7)
        assert "a null deletes it" in before["loan.clients"]["kept"]
    assert "a null deletes the client's profile" in person(deployment, "erase", ANNA, "--yes", store=store)
    profiles = json.loads(export())["topics"][-1]["records"]
    assert sorted((record["partition"], record["value"]) for record in profiles if record["value"] is None) == [
        (number, None) for number in range(deployment.partitions)
    ], "whatever partitioner put it there"
    with SQLiteClients(Path(deployment.clients)) as clients:
        assert clients.get_many([ANNA, BEN]).keys() == {BEN}


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, "k" * 32])
def test_a_monitor_that_reads_the_topics_again_brings_nobody_back(
    kafka_deployment: Deployment, tmp_path: Path, key: str | None
) -> None:
    deployment = kafka_deployment
    deployment.clients = tmp_path / "own.db"
    fill(deployment)
    options: list[str] = []
    settings: dict[str, Any] = {}
    if key:
        (tmp_path / "key").write_text(key)
        options, settings = ["--pseudonym-key-file", str(tmp_path / "key")], {"pseudonym_key_file": tmp_path / "key"}
    monitor = Monitor.start(deployment, "person", **settings)
    wait_until(monitor.worker.ready, "the monitor is ready")
    wait_until(lambda: holds(monitor, 2), "both decisions and labels are stored")
    person(deployment, "erase", ANNA, "--yes", *options, store=monitor.store)
    stop(monitor)
    with engine_of(monitor.store).begin() as db:
        db.execute(sa.text("DELETE FROM positions"))
    again = monitor.again()
    wait_until(
        lambda: again.worker.ready() and again.metric("consumer_lag_records") == 0, "it has read everything again"
    )
    wait_until(lambda: len(offsets(again)) > 1, "it has stored how far it read")
    assert holds(again, 1)
    stop(again)
    with DecisionStore.open(monitor.store, ids=Ids(key.encode() if key else None)) as store:
        assert (list(store.decisions([f"r{ANNA}", f"r{BEN}"])), len(store.erasures())) == ([f"r{BEN}"], 1)
    assert ANNA not in monitor.log() + again.log()


def holds(monitor: Monitor, people: int) -> bool:
    counts = monitor.counts()
    return (counts.decisions, counts.labels, counts.labels_pending) == (people, people, 0)


def offsets(monitor: Monitor) -> dict[Any, Any]:
    with DecisionStore.open(monitor.store, read_only=True) as store:
        return store.offsets()


def stop(monitor: Monitor) -> None:
    monitor.worker.process.terminate()
    assert monitor.worker.process.wait(timeout=30) == 0
