"""Avro with a real schema registry on a real broker, through every process and command."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from kafka import KafkaProducer

from models.contract import Contract, Feature
from models.datasets.sba import CONTRACT_FILE
from monitoring.store import DecisionStore
from stream_app.broker import Broker
from stream_app.broker.ports import free_ports
from stream_app.cli import cli
from stream_app.commands.read_topic import Span, read
from stream_app.demo.loan_book import read_replay
from stream_app.errors import RegistryError
from stream_app.events import Decision, Label
from stream_app.feature_struct import feature_struct
from stream_app.formats.avro_format import Avro
from stream_app.formats.avro_records import avro_decisions, avro_outcomes, avro_requests
from stream_app.formats.avro_schemas import decision_schema
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.formats.registry import SchemaRegistry
from stream_app.kafka_connection.connection import KafkaConnection
from tests.builders.schema_registry import written
from tests.builders.scorer_requests import profile
from tests.servers.deployment import Deployment, headers_of
from tests.servers.schema_registry import RegistryServer
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("avro")]  # they share the registry

CONTRACT = Contract.read(CONTRACT_FILE)
FIXTURES = Path(__file__).parents[1] / "fixtures" / "avro"
FIRST, DECISION = FIXTURES / "decision-1.avsc", FIXTURES / "decision-1.json"
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
APPLICATION = {
    "type": "record",
    "name": "Application",
    "namespace": "com.bank",
    "fields": [
        {"name": "request_id", "type": "string"},
        {"name": "client_id", "type": "string"},
        {"name": "requested_at", "type": MILLIS},
        {"name": "branch", "type": "string"},
        {
            "name": "features",
            "type": {
                "type": "record",
                "name": "Asked",
                "fields": [{"name": "amount_requested", "type": "int"}, {"name": "guaranteed_share", "type": "float"}],
            },
        },
    ],
}
"""The schema of a producer that is not ours."""


def application(request_id: str, client_id: str) -> dict[str, Any]:
    asked = {"amount_requested": 50_000, "guaranteed_share": 0.5}
    date = dt.datetime(2007, 1, 1, tzinfo=dt.UTC)
    return {"request_id": request_id, "client_id": client_id, "requested_at": date, "branch": "x", "features": asked}


@pytest.fixture
def in_avro(schema_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings of all topics in Avro; commands that are run in this process have them too."""
    settings = {f"format_{topic}": "avro" for topic in ("requests", "decisions", "outcomes")}
    settings["registry"] = schema_registry.url
    for name, value in settings.items():
        monkeypatch.setenv(f"STREAM_APP_{name.upper()}", value)
    return settings


def with_features(*features: Feature) -> Contract:
    return msgspec.structs.replace(CONTRACT, features=features)


def test_decisions_of_models_with_other_features_are_compatible_both_ways(schema_registry: RegistryServer) -> None:
    subject = "evolving-value"
    registry = SchemaRegistry(schema_registry.url)
    ids = {registry.id_of(subject, json.loads(FIRST.read_bytes()))}
    schema_registry.require(subject, "FULL_TRANSITIVE")
    more = with_features(*CONTRACT.features, Feature(name="new one", kind="integer"))
    for contract in (CONTRACT, more, with_features(*CONTRACT.features[1:])):
        ids.add(registry.id_of(subject, decision_schema(contract)))
    assert len(ids) >= 3


def test_a_schema_that_is_not_compatible_is_refused_in_plain_words(schema_registry: RegistryServer) -> None:
    registry = SchemaRegistry(schema_registry.url)
    registry.id_of("changing-value", decision_schema(CONTRACT))
    schema_registry.require("changing-value", "FULL")
    first, *others = CONTRACT.features
    changed = Feature(name=first.name, kind="number" if first.kind == "category" else "category", categories=("x",))
    with pytest.raises(RegistryError, match="our schema of changing-value as incompatible"):
        registry.id_of("changing-value", decision_schema(with_features(changed, *others)))


def test_who_may_not_register_finds_what_others_registered(schema_registry: RegistryServer) -> None:
    reader = SchemaRegistry(schema_registry.url, registers=False)
    with pytest.raises(RegistryError, match="does not have our schema of looked-up-value"):
        reader.id_of("looked-up-value", decision_schema(CONTRACT))
    registered = SchemaRegistry(schema_registry.url).id_of("looked-up-value", decision_schema(CONTRACT))
    assert reader.id_of("looked-up-value", decision_schema(CONTRACT)) == registered


def test_a_scorer_without_its_registry_ends_with_what_to_do(kafka_deployment: Deployment) -> None:
    given: dict[str, Any] = {"registry": "http://127.0.0.1:9/", "format_decisions": "avro", "broker_wait_seconds": 1}
    worker = kafka_deployment.start(ready=False, **given)
    assert worker.process.wait(timeout=60) == 13
    log = worker.log.read_text()
    assert "does not answer (ConnectionRefusedError)" in log
    assert "correct STREAM_APP_REGISTRY" in log
    assert "Traceback" not in log


def test_requests_are_decided_or_rejected_and_known_after_a_restart(
    kafka_deployment: Deployment, schema_registry: RegistryServer, in_avro: dict[str, Any]
) -> None:
    topics, registry = kafka_deployment.names, SchemaRegistry(schema_registry.url)
    foreign = registry.id_of("com.bank.Application", APPLICATION)
    ours = Avro(registry, f"{topics.requests}-value", avro_requests(CONTRACT))
    good = [written(APPLICATION, application(f"f{n}", "1"), foreign) for n in range(3)]
    replayed = msgspec.structs.replace(read_replay(CONTRACT, 1).requests[0], client_id="1", request_id="ours")
    good.append(ours.encode(replayed))
    bad = {
        b"\1" + good[0][1:]: "not_avro",
        good[0][:-1]: "not_avro",
        good[0] + b"x": "not_avro",
        b"\0\x7f\xff\xff\xff" + good[0][5:]: "unknown_schema_id",
        written(APPLICATION, application("x", "another"), foreign): "key_mismatch",
    }
    worker = kafka_deployment.start(**in_avro)
    kafka_deployment.send([(0, b"1", value) for value in [*good, *bad]])
    wait_until(lambda: kafka_deployment.answers().total() == len(good) + len(bad), "everything is answered")
    reasons = [headers_of(record)["rejection-reason"] for record in kafka_deployment.read(topics.rejections)]
    assert reasons == [reason.encode() for reason in bad.values()]
    decisions = kafka_deployment.read(topics.decisions)
    assert [record.value[:1] for record in decisions] == [b"\0"] * len(good)
    assert schema_registry.ask(f"/subjects/{topics.decisions}-value/versions") == [1]
    assert worker.end(signal.SIGTERM) == 0

    kafka_deployment.start(**in_avro)
    kafka_deployment.send([(0, b"1", good[0]), (0, b"1", written(APPLICATION, application("f9", "1"), foreign))])
    wait_until(lambda: len(kafka_deployment.read(topics.decisions)) == len(good) + 1, "the new one is decided")

    words = ["decisions", "--json", "--kafka", kafka_deployment.bootstrap, "--topic-prefix", kafka_deployment.prefix]
    printed = CliRunner().invoke(cli, words)
    assert [json.loads(line)["request_id"] for line in printed.stdout.splitlines()] == ["f0", "f1", "f2", "ours", "f9"]


def test_requests_wait_while_the_registry_is_away(
    kafka_deployment: Deployment, schema_registry: RegistryServer, in_avro: dict[str, Any]
) -> None:
    registry = SchemaRegistry(schema_registry.url)
    new = registry.id_of(f"{kafka_deployment.prefix}new", APPLICATION | {"doc": kafka_deployment.prefix})
    value = written(APPLICATION, application("late", "1"), new)
    worker = kafka_deployment.start(**in_avro, clients_wait_seconds=120, exit_after_stall_seconds=0)
    with schema_registry.paused():
        kafka_deployment.send([(0, b"1", value)])
        wait_until(lambda: worker.metric("registry_failures_total") > 0, "the scorer asks in vain")
        assert not kafka_deployment.answers()
    wait_until(lambda: kafka_deployment.answers().total() == 1, "it is answered")
    assert not kafka_deployment.read(kafka_deployment.names.rejections)


def test_the_monitor_stores_decisions_and_outcomes_of_both_formats(
    kafka_deployment: Deployment, schema_registry: RegistryServer, in_avro: dict[str, Any], tmp_path: Path
) -> None:
    topics, registry = kafka_deployment.names, SchemaRegistry(schema_registry.url)
    decisions = Avro(registry, f"{topics.decisions}-value", avro_decisions(CONTRACT))
    outcomes = Avro(registry, f"{topics.outcomes}-value", avro_outcomes())
    kind: Any = Decision[feature_struct(CONTRACT)]  # type: ignore[misc]  # made at run time
    decision = msgspec.json.decode(DECISION.read_bytes(), type=kind)
    encodings: dict[str, tuple[Format, Format]] = {"json": (JSON, JSON), "avro": (decisions, outcomes)}
    with KafkaProducer(bootstrap_servers=kafka_deployment.bootstrap) as producer:
        for name, (of_decisions, of_outcomes) in encodings.items():
            sent = msgspec.structs.replace(decision, request_id=name)
            label = Label(name, decision.client_id, True, decision.decided_at)
            producer.send(topics.decisions, value=of_decisions.encode(sent), partition=0)
            producer.send(topics.outcomes, value=of_outcomes.encode(label), partition=0)
    kafka_deployment.start(command="monitor", **in_avro)
    with DecisionStore.open(str(tmp_path / "decisions.db")) as store:
        wait_until(lambda: (store.counts().decisions, store.counts().labels) == (2, 2), "all are stored")
        stored = store.decisions(["json", "avro"])
    assert json.loads(stored["avro"]) | {"request_id": "json"} == json.loads(stored["json"])


def test_the_gateway_sends_avro_and_answers_in_json(kafka_deployment: Deployment, in_avro: dict[str, Any]) -> None:
    kafka_deployment.start(**in_avro)
    [port] = free_ports(1)
    kafka_deployment.start(command="gateway", ready=False, gateway_port=port, reply_seconds=30, **in_avro)
    sent: dict[str, Any] = {"request_id": "g1", "client_id": "1", "requested_at": "2007-05-01T00:00:00Z"}
    sent["features"] = {"amount_requested": 70_000, "guaranteed_share": 0.5}
    answer = wait_until(lambda: posted(port, sent), "the gateway answers", 60)
    assert (answer["request_id"], answer["features"]["state"]) == ("g1", profile("1")["state"])
    [request] = read_all(kafka_deployment, kafka_deployment.names.requests)
    assert request.value[:1] == b"\0"


def posted(port: int, document: dict[str, Any]) -> Any:
    """The decision on a request, None while there is none."""
    try:
        answer = httpx.post(f"http://127.0.0.1:{port}/requests", json=document, timeout=40)
    except httpx.HTTPError:
        return None
    return answer.json() if answer.status_code == 200 else None


@pytest.mark.usefixtures("in_avro")
def test_produce_sends_requests_and_outcomes_in_avro(kafka_deployment: Deployment) -> None:
    words = ["--sample", "20", "--kafka", kafka_deployment.bootstrap, "--topic-prefix", kafka_deployment.prefix]
    more_by_topic = {kafka_deployment.names.requests: [], kafka_deployment.names.outcomes: ["--outcomes"]}
    for topic, more in more_by_topic.items():
        sent = CliRunner().invoke(cli, ["produce", *words, *more], catch_exceptions=False)
        assert sent.exit_code == 0, sent.output
        records = read_all(kafka_deployment, topic)
        assert (len(records), {record.value[0] for record in records}) == (20, {0})


def read_all(deployment: Deployment, topic: str) -> list[Any]:
    return list(read(KafkaConnection(deployment.bootstrap), topic, Span()))


def test_the_whole_demo_runs_in_avro(kafka_broker: Broker, schema_registry: RegistryServer, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stream_app", "demo", "--requests", "1000", "--avro", schema_registry.url]
    summary = tmp_path / "summary.json"
    done = subprocess.run(
        [*command, "--kafka", kafka_broker.bootstrap, "--summary", str(summary)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(summary.read_text())["decisions"] > 900
