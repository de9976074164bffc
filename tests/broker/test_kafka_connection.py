"""Every way of reaching a secured Apache Kafka, with both client libraries; and what is said when one does not work."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiokafka
import kafka
import pytest

from stream_app.broker.secured import grant
from stream_app.errors import BrokerUnreachable
from stream_app.kafka_connection.connection import KafkaConnection, Sasl
from stream_app.kafka_connection.diagnosis import diagnose
from stream_app.kafka_connection.tls import Tls
from stream_app.topics import rights_by_role
from tests.builders.scorer_requests import good, requests
from tests.servers.deployment import Deployment, Worker
from tests.servers.secure_kafka import PASSWORD, PLAIN_PASSWORD, PLAIN_USER, USER, SecureKafka
from tests.servers.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SCRAM = Sasl("SCRAM-SHA-512", USER, PASSWORD)
Make = Callable[[SecureKafka, TokenServer], KafkaConnection]


def sasl(mechanism: Sasl) -> Make:
    return lambda cluster, _: KafkaConnection(cluster.sasl_ssl, Tls(cluster.ca), mechanism)


def oauth(secret: str) -> Make:
    def make(cluster: SecureKafka, tokens: TokenServer) -> KafkaConnection:
        who = Sasl("OAUTHBEARER", CLIENT_ID, secret, tokens.url)
        return KafkaConnection(cluster.sasl_ssl, Tls(cluster.ca), who)

    return make


def mutual_tls(cluster: SecureKafka, _: TokenServer) -> KafkaConnection:
    return KafkaConnection(cluster.mtls, Tls(cluster.ca, certificate=cluster.folder / "client.pem"))


GOOD = {
    "SCRAM-SHA-512": sasl(SCRAM),
    "SCRAM-SHA-256": sasl(Sasl("SCRAM-SHA-256", USER, PASSWORD)),
    "PLAIN": sasl(Sasl("PLAIN", PLAIN_USER, PLAIN_PASSWORD)),
    "OAUTHBEARER": oauth(CLIENT_SECRET),
    "client certificate": mutual_tls,
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_both_client_libraries_connect(make: Make, cluster: SecureKafka, tokens: TokenServer) -> None:
    connection = make(cluster, tokens)

    async def connected() -> bool:
        async with aiokafka.AIOKafkaProducer(**connection.for_aiokafka()):
            return True

    admin = kafka.KafkaAdminClient(**connection.for_kafka_python(), bootstrap_timeout_ms=20_000)
    try:
        assert admin.describe_cluster()["cluster_id"]
    finally:
        admin.close()
    assert asyncio.run(asyncio.wait_for(connected(), 20))
    assert diagnose(connection) is None
    with warnings.catch_warnings():  # aiokafka does not wait for its TLS transports to close
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


BAD: dict[str, tuple[Make, str]] = {
    "wrong password": (sasl(Sasl("SCRAM-SHA-512", USER, "wrong")), "refused the user name or password (SCRAM-SHA-512)"),
    "wrong plain password": (sasl(Sasl("PLAIN", PLAIN_USER, "x")), "refused the user name or password (PLAIN)"),
    "wrong client secret": (oauth("wrong"), "answered 401"),
    "mechanism": (sasl(Sasl("GSSAPI", "u", "p")), "does not take the SASL mechanism GSSAPI"),  # type: ignore[arg-type]
    "unknown authority": (
        lambda cluster, _: KafkaConnection(cluster.sasl_ssl, Tls(cluster.folder / "other-ca.pem"), SCRAM),
        "signed by an authority that is not trusted here",
    ),
    "host name": (
        lambda cluster, _: KafkaConnection(cluster.sasl_ssl.replace("localhost", "127.0.0.1"), Tls(cluster.ca), SCRAM),
        "is for another address",
    ),
    "expired": (
        lambda cluster, _: KafkaConnection(cluster.expired, Tls(cluster.ca)),
        "has expired",
    ),
    "TLS to plain text": (
        lambda cluster, _: KafkaConnection(cluster.plaintext, Tls(cluster.ca)),
        "does not speak TLS",
    ),
    "plain text to TLS": (lambda cluster, _: KafkaConnection(cluster.sasl_ssl), "does not answer in plain text"),
    "no user": (lambda cluster, _: KafkaConnection(cluster.sasl_ssl, Tls(cluster.ca)), "wants to know who asks"),
    "no SASL there": (
        lambda cluster, _: KafkaConnection(
            cluster.mtls, Tls(cluster.ca, certificate=cluster.folder / "client.pem"), SCRAM
        ),
        "is a listener without SASL",
    ),
    "no client certificate": (
        lambda cluster, _: KafkaConnection(cluster.mtls, Tls(cluster.ca)),
        "wants a client certificate",
    ),
    "nobody": (lambda *_: KafkaConnection("127.0.0.1:1"), "Nobody listens at 127.0.0.1:1"),
    "unknown host": (lambda *_: KafkaConnection("no-such-host.invalid:9092"), "is not known here"),
}


@pytest.mark.parametrize(("make", "words"), BAD.values(), ids=BAD)
def test_each_fault_has_its_own_words(make: Make, words: str, cluster: SecureKafka, tokens: TokenServer) -> None:
    diagnosis = diagnose(make(cluster, tokens))
    assert diagnosis is not None
    assert words in diagnosis.happened
    assert PASSWORD not in str(diagnosis)


def test_a_token_is_shared_by_all_clients_of_a_process(cluster: SecureKafka, tokens: TokenServer) -> None:
    connection, before = oauth(CLIENT_SECRET)(cluster, tokens), tokens.issued
    for _ in range(3):
        kafka.KafkaAdminClient(**connection.for_kafka_python(), bootstrap_timeout_ms=20_000).close()
    assert tokens.issued == before + 1


def secured(cluster: SecureKafka) -> dict[str, Any]:
    (cluster.folder / "password").write_text(PASSWORD + "\n")
    return {
        "kafka": cluster.sasl_ssl,
        "kafka_security": "SASL_SSL",
        "kafka_ca": str(cluster.ca),
        "kafka_username": USER,
        "kafka_password_file": str(cluster.folder / "password"),
    }


def monitor_decisions(monitor: Worker) -> float:
    lines = monitor.page("metrics").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("loan_monitor_decisions_total"))


def test_scorer_and_monitor_work_over_sasl_ssl_exactly_once(
    secure_deployment: Deployment, cluster: SecureKafka
) -> None:
    secure_deployment.start(**secured(cluster))
    monitor = secure_deployment.start(command="monitor", **secured(cluster))
    sources = secure_deployment.send(requests(500))
    answers = secure_deployment.answered(sources)
    assert (len(answers), set(answers.values())) == (500, {1})
    wait_until(lambda: monitor_decisions(monitor) >= 500, "the monitor has them all")
    assert not [worker.log for worker in secure_deployment.workers if PASSWORD in worker.log.read_text()]


def by_token(cluster: SecureKafka, tokens: TokenServer) -> dict[str, Any]:
    return {
        "kafka": cluster.sasl_ssl,
        "kafka_security": "SASL_SSL",
        "kafka_sasl": "OAUTHBEARER",
        "kafka_ca": str(cluster.ca),
        "kafka_token_url": tokens.url,
        "kafka_plaintext_credentials": "true",  # the token server of the tests speaks http
        "kafka_username": CLIENT_ID,
        "kafka_password": CLIENT_SECRET,
    }


def by_certificate(cluster: SecureKafka, _: TokenServer) -> dict[str, Any]:
    certificate = str(cluster.folder / "client.pem")
    return {
        "kafka": cluster.mtls,
        "kafka_security": "SSL",
        "kafka_ca": str(cluster.ca),
        "kafka_certificate": certificate,
    }


WAYS = {"token": (by_token, CLIENT_ID), "client certificate": (by_certificate, "CN=scorer.example")}


@pytest.mark.parametrize(("settings", "user"), WAYS.values(), ids=WAYS)
def test_scorer_monitor_and_gateway_work_with_the_rights_of_their_roles(
    settings: Callable[[SecureKafka, TokenServer], dict[str, Any]],
    user: str,
    cluster: SecureKafka,
    tokens: TokenServer,
    secure_deployment: Deployment,
) -> None:
    roles = rights_by_role(secure_deployment.names, secure_deployment.group, secure_deployment.monitor_group)
    grant(cluster.admin, {user: [right for role in ("scorer", "monitor", "gateway") for right in roles[role]]})
    given = settings(cluster, tokens)
    secure_deployment.start(**given)
    monitor = secure_deployment.start(command="monitor", **given)
    gateway = secure_deployment.start(command="gateway", **given)
    sources = secure_deployment.send(requests(100))
    assert set(secure_deployment.answered(sources).values()) == {1}
    asked = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}/requests", good("7", "over-http"), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - our own gateway
        assert json.load(answer)["request_id"] == "over-http"
    wait_until(lambda: monitor_decisions(monitor) >= 101, "the monitor has them all")


def test_commands_take_a_client_properties_file(
    secure_deployment: Deployment, cluster: SecureKafka, tmp_path: Path
) -> None:
    properties = tmp_path / "client.properties"
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    properties.write_text(
        f"security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\nssl.truststore.location={cluster.ca}\n"
        f'ssl.truststore.type=PEM\nsasl.jaas.config={login} username="{USER}" password="{PASSWORD}";\n',
        encoding="latin-1",  # as Java reads it
    )
    environment = os.environ | {
        "STREAM_APP_KAFKA": cluster.sasl_ssl,
        "STREAM_APP_KAFKA_PROPERTIES": str(properties),
        "STREAM_APP_TOPIC_PREFIX": secure_deployment.prefix,
    }
    for words in (["topics", "check"], ["produce", "--sample", "3"]):
        command = [sys.executable, "-m", "stream_app", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_with_a_wrong_password_says_so(secure_deployment: Deployment, cluster: SecureKafka) -> None:
    wrong = secured(cluster) | {"kafka_username": "nobody", "broker_wait_seconds": "1"}
    worker = secure_deployment.start(ready=False, **wrong)
    assert worker.process.wait(60) == BrokerUnreachable.exit_status
    assert "refused the user name or password (SCRAM-SHA-512)" in worker.log.read_text()
