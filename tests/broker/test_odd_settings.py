"""Settings that the broker does not take: one message that names the setting, and a status."""

from __future__ import annotations

import pytest

from stream_app.broker import Broker
from stream_app.broker.ports import free_ports
from stream_app.errors import BrokerUnreachable
from stream_app.kafka_admin import wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from tests.servers.deployment import Deployment

STATUS_SECONDS = 60.0


@pytest.mark.parametrize("command", ["worker", "monitor"])
def test_a_session_timeout_that_the_broker_does_not_allow_ends_the_worker_with_the_settings_name(
    kafka_deployment: Deployment, command: str
) -> None:
    worker = kafka_deployment.start(command=command, ready=False, session_timeout_seconds=1)
    assert worker.process.wait(STATUS_SECONDS) == 2
    log = worker.log.read_text()
    assert "The broker allows no session timeout of 1 s." in log
    assert "STREAM_APP_SESSION_TIMEOUT_SECONDS" in log
    assert "Traceback" not in log


@pytest.mark.kafka
def test_a_wait_of_nothing_is_one_attempt(kafka_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_broker(KafkaConnection(kafka_broker.bootstrap), 0)
    monkeypatch.setattr("stream_app.kafka_admin.ATTEMPT_SECONDS", 0.2)
    [nobody] = free_ports(1)
    with pytest.raises(BrokerUnreachable, match=r"within 0\.2 s"):
        wait_for_broker(KafkaConnection(f"127.0.0.1:{nobody}"), 0)


@pytest.mark.slow
def test_a_scorer_that_is_not_to_wait_for_its_broker_starts_where_there_is_one(kafka_deployment: Deployment) -> None:
    kafka_deployment.start(broker_wait_seconds=0)
