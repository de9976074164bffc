"""The gateway as a process in front of real brokers, with real scorers behind them."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from stream_app.broker import start_broker
from stream_app.broker.ports import free_ports
from stream_app.clients import SQLiteClients
from stream_app.errors import BrokerStartFailed
from stream_app.topics import TopicNames
from tests.builders.gateway import APPLICATION, PROFILE
from tests.servers.deployment import Deployment, Worker, headers_of
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("gateway")]  # they share one

CLIENTS = [str(n) for n in range(20)]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clients") / "clients.db"
    profile, application = json.dumps(PROFILE).encode(), json.dumps(APPLICATION).encode()
    with SQLiteClients(path, create=True) as store:
        store.put_many([(client, profile) for client in CLIENTS], [(client, application) for client in CLIENTS])
    return path


class Gateway:
    """One gateway process and a caller of it."""

    def __init__(self, deployment: Deployment, **settings: Any) -> None:
        [port] = free_ports(1)
        given = {"gateway_port": port, "reply_seconds": 5.0, **settings}
        self.worker: Worker = deployment.start(command="gateway", ready=False, **given)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, request_id: str, client_id: str = "7", **changes: Any) -> httpx.Response:
        features = {"amount_requested": 70_000, "guaranteed_share": 0.5} | changes
        return self.http.post(
            "/requests",
            json={
                "request_id": request_id,
                "client_id": client_id,
                "requested_at": "2007-05-01T00:00:00Z",
                "features": features,
            },
        )

    def status_of(self, path: str) -> int:
        """0 while nothing listens there."""
        assert self.worker.process.poll() is None, f"the gateway ended:\n{self.worker.log.read_text()[-2000:]}"
        try:
            return self.get(path).status_code
        except httpx.TransportError:
            return 0

    def until(self, path: str, status: int) -> httpx.Response:
        wait_until(lambda: self.status_of(path) == status, f"{path} is {status}")
        return self.get(path)

    def close(self) -> None:
        self.http.close()


Start = Callable[..., Gateway]


def starting(deployment: Deployment) -> Iterator[Start]:
    made: list[Gateway] = []

    def start(**settings: Any) -> Gateway:
        made.append(Gateway(deployment, **settings))
        return made[-1]

    yield start
    for gateway in made:
        gateway.close()
    deployment.stop()


@pytest.fixture
def deployment(broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Deployment:
    return Deployment.on(broker, unique_prefix, clients, tmp_path)


@pytest.fixture
def gateways(deployment: Deployment) -> Iterator[Start]:
    """On each engine in turn."""
    yield from starting(deployment)


@pytest.fixture
def on_kafka(kafka_broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Deployment:
    return Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)


@pytest.fixture
def kafka_gateways(on_kafka: Deployment) -> Iterator[Start]:
    """For what has nothing to do with the engine."""
    yield from starting(on_kafka)


def test_the_answer_is_the_record_on_the_topic_and_a_rejection_is_the_streams_own(
    deployment: Deployment, gateways: Start
) -> None:
    gateway = gateways()
    deployment.start()
    gateway.until("/ready", 200)
    decided, rejected = gateway.post("r1"), gateway.post("r2", client_id="nobody")
    assert (decided.status_code, rejected.status_code) == (200, 404)
    [decision] = deployment.read(deployment.names.decisions)
    [rejection] = deployment.read(deployment.names.rejections)
    assert (decision.key, decision.value) == (b"7", decided.content)
    assert rejected.json()["detail"] == headers_of(rejection)["rejection-message"].decode()


def test_a_client_has_one_decision_however_often_and_wherever_it_is_asked_for(
    deployment: Deployment, gateways: Start
) -> None:
    deployment.start()
    deployment.start(command="monitor")
    first = gateways()
    first.until("/ready", 200)
    answers = {first.get("/predict/7").content for _ in range(3)}
    request_id = json.loads(next(iter(answers)))["request_id"]
    second = gateways()  # knows nothing but the store
    second.until("/ready", 200)
    wait_until(lambda: second.status_of(f"/decisions/{request_id}") == 200, "the monitor has stored it")
    answers.add(second.get("/predict/7").content)
    assert len(answers) == 1
    assert second.post(request_id).json()["reason"] == "conflicting_id"
    assert second.get("/predict/nobody").status_code == 404
    assert len(deployment.read(deployment.names.decisions)) == 1


def test_without_a_scorer_it_is_202_and_the_decision_is_there_when_one_came(
    on_kafka: Deployment, kafka_gateways: Start
) -> None:
    gateway = kafka_gateways(reply_seconds=0.2)
    gateway.until("/ready", 200)
    answer = gateway.post("r1")
    assert (answer.status_code, answer.headers["location"]) == (202, "/decisions/r1")
    assert gateway.get("/decisions/r1").status_code == 202
    on_kafka.start()
    assert gateway.until("/decisions/r1", 200).json()["request_id"] == "r1"
    assert gateway.post("r1").status_code == 200
    assert len(on_kafka.read(on_kafka.names.decisions)) == 1


def test_what_another_gateway_asked_is_not_decided_again_and_is_answered_once_it_is_stored(
    on_kafka: Deployment, kafka_gateways: Start
) -> None:
    on_kafka.start()
    first, second = kafka_gateways(), kafka_gateways(reply_seconds=1.0)
    for gateway in (first, second):
        gateway.until("/ready", 200)
    answers = [first.get("/predict/7").content, first.post("r1").content]
    assert [second.get("/predict/7").status_code, second.post("r1").status_code] == [202, 202]
    assert second.post("r1", amount_requested=60_000).status_code == 409  # as this gateway knows
    third = kafka_gateways()
    third.until("/ready", 200)
    assert third.post("r1", amount_requested=60_000).json()["reason"] == "conflicting_request"  # as the scorer knows
    on_kafka.start(command="monitor")
    wait_until(lambda: second.post("r1").status_code == 200, "it is stored")
    assert [second.get("/predict/7").content, second.post("r1").content] == answers
    assert len(on_kafka.read(on_kafka.names.decisions)) == 2


def test_the_status_shows_the_lag_and_whether_a_scorer_works(deployment: Deployment, gateways: Start) -> None:
    gateway = gateways(reply_seconds=0.2)
    gateway.until("/ready", 200)
    for number in range(3):
        gateway.post(f"r{number}")
    wait_until(lambda: gateway.get("/status").json()["lag"] == 3, "three requests wait")
    assert gateway.get("/health").status_code == 503
    deployment.start()
    gateway.until("/health", 200)
    wait_until(lambda: gateway.get("/status").json()["lag"] == 0, "they are answered")
    assert gateway.get("/status").json()["scorers"] == 1


def test_each_gateway_gets_the_answers_to_its_own_requests(on_kafka: Deployment, kafka_gateways: Start) -> None:
    on_kafka.start()
    one, other = kafka_gateways(), kafka_gateways()
    calls = [(gateway, f"{name}{n}", CLIENTS[n]) for n in range(20) for name, gateway in (("a", one), ("b", other))]
    for gateway in (one, other):
        gateway.until("/ready", 200)
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda call: call[0].post(*call[1:]), calls))
    assert [answer.status_code for answer in answers] == [200] * 40
    assert [answer.json()["request_id"] for answer in answers] == [request_id for _, request_id, _ in calls]


@pytest.mark.kafka
def test_it_waits_for_its_broker_answers_503_while_it_is_away_and_goes_on_when_it_is_back(
    kafka_broker: Any,  # noqa: ARG001 - skips where Kafka cannot be had
    clients: Path,
    tmp_path: Path,
) -> None:
    [port] = free_ports(1)
    deployment = Deployment(f"127.0.0.1:{port}", TopicNames(), "", clients, tmp_path, "kafka")
    gateway = Gateway(deployment, reply_seconds=2.0, group="scorer")
    try:
        gateway.until("/live", 200)
        assert gateway.post("r0").json()["reason"] == "broker_away"
        with start_broker("kafka", port=port, data_dir=tmp_path / "kafka"):
            wait_until(lambda: "no topic" in gateway.worker.log.read_text(), "it misses the topics")
            made = Deployment.on(_Running(port), "", clients, tmp_path)
            gateway.until("/ready", 200)
            scorer = made.start()
            assert gateway.post("r1").status_code == 200
        gateway.until("/ready", 503)
        away = gateway.post("r2")
        assert (away.status_code, away.json()["reason"]) == (503, "broker_away")
        assert gateway.post("r1").status_code == 200  # remembered
        assert gateway.get("/status").json()["broker"] == "away"
        with start_broker("kafka", port=port, data_dir=tmp_path / "kafka"):
            gateway.until("/ready", 200)
            wait_until(lambda: gateway.post("r2").status_code == 200, "it is decided")
        made.stop()
        assert scorer.process.poll() is not None
    except BrokerStartFailed as fault:
        pytest.fail(str(fault))
    finally:
        gateway.close()
        deployment.stop()


class _Running:
    """What a deployment needs to know of a broker."""

    engine = "kafka"

    def __init__(self, port: int) -> None:
        self.bootstrap = f"127.0.0.1:{port}"


def test_a_gateway_that_starts_again_shows_the_rejections_there_are(
    on_kafka: Deployment, kafka_gateways: Start
) -> None:
    on_kafka.start()
    first = kafka_gateways()
    first.until("/ready", 200)
    for n in range(3):
        assert first.post(f"r{n}", client_id="nobody").status_code == 404
    assert rejections_of(first) == {"unknown_client": 3}
    second = kafka_gateways()
    second.until("/ready", 200)
    wait_until(lambda: rejections_of(second) == {"unknown_client": 3}, "they are counted again")


def rejections_of(gateway: Gateway) -> Any:
    return gateway.get("/board/state").json()["rejections"]


def test_a_web_page_that_names_an_image_of_it_makes_it_decide_nothing(
    on_kafka: Deployment, kafka_gateways: Start
) -> None:
    on_kafka.start()
    gateway = kafka_gateways()
    gateway.until("/ready", 200)
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert gateway.http.get("/predict/7", headers=image).json()["reason"] == "cross_site"
    assert on_kafka.read(on_kafka.names.requests) == []


def test_on_sigterm_it_answers_what_is_in_hand_lets_listeners_go_and_ends_well(kafka_gateways: Start) -> None:
    gateway = kafka_gateways(reply_seconds=1.0)
    gateway.until("/ready", 200)
    with gateway.http.stream("GET", "/board/events") as events:
        assert next(events.iter_lines()) == "event: news"
        with ThreadPoolExecutor(1) as caller:
            waiting = caller.submit(gateway.post, "r1")
            wait_until(lambda: gateway.status_of("/decisions/r1") == 202, "the request is in hand")
            assert gateway.worker.end(signal.SIGTERM) == 0
            assert waiting.result().status_code == 202
    assert "Traceback" not in gateway.worker.log.read_text()
    assert "r1" not in gateway.worker.log.read_text()


def test_a_taken_port_is_one_message_and_a_status(kafka_gateways: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = kafka_gateways(gateway_port=taken.getsockname()[1])
        assert gateway.worker.process.wait(30) == 3
    assert "STREAM_APP_GATEWAY_PORT" in gateway.worker.log.read_text()
