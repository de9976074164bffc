"""A real Apache Kafka that asks who comes: the product's secured broker with more ways in, some of them with a fault.

Besides ``SASL_SSL`` there are PLAINTEXT for the tests themselves, whose anonymous user may do everything, ``MTLS``, and
``EXPIRED``, whose certificate ended yesterday.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stream_app.broker.certificates import Authority
from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import find_java, kafka_node, new_cluster_id
from stream_app.broker.ports import LOOPBACK, free_ports
from stream_app.broker.process import SupervisedProcess
from stream_app.broker.secured import Listener, secured_node, set_passwords, write_certificates, write_secret
from stream_app.kafka_admin import wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from tests.servers.token_server import AUDIENCE, ISSUER, TokenServer

USER, PASSWORD = "scorer", "pa:ss,wörd=1"
PLAIN_USER, PLAIN_PASSWORD = "plain", "plain-secret"


@dataclass(frozen=True)
class SecureKafka:
    """Addresses of its listeners; ``folder`` has ``ca.pem``, ``client.pem`` (chain and key) and ``other-ca.pem``."""

    plaintext: str
    sasl_ssl: str
    mtls: str
    expired: str
    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def admin(self) -> KafkaConnection:
        """May do everything."""
        return KafkaConnection(self.plaintext)


@contextlib.contextmanager
def secure_kafka(folder: Path, tokens: TokenServer | None = None) -> Iterator[SecureKafka]:
    """Starts one and ends it; with ``tokens`` its ``SASL_SSL`` listener takes OAUTHBEARER, too.

    Raises BrokerStartFailed where Java, Maven or the jars are missing.
    """
    java, jars = find_java(), kafka_jars(print)
    plain, controller, internal, *others = free_ports(6)
    secured = [Listener(*named, port, "localhost") for named, port in zip(SECURED, others, strict=True)]
    listeners = [Listener("PLAINTEXT", "PLAINTEXT", plain), Listener("INTERNAL", "SSL", internal), *secured]
    _write_certificates(folder)
    node = secured_node(folder, controller, listeners, _settings(folder) | (_oauth(tokens) if tokens else {}))
    java_path, *arguments = kafka_node(java, jars, folder, node, new_cluster_id()).command
    allowed = [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.jwks_url}"] if tokens else []
    process = SupervisedProcess([java_path, *allowed, *arguments], log=folder / "broker.log", remove=None)
    try:
        sasl_ssl, mtls, expired = (f"localhost:{listener.port}" for listener in secured)
        cluster = SecureKafka(f"{LOOPBACK}:{plain}", sasl_ssl, mtls, expired, folder)
        wait_for_broker(cluster.admin, 90)
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):  # a user may occur once in a request
            set_passwords(cluster.admin, {USER: PASSWORD}, mechanism)
        yield cluster
    finally:
        process.stop()


SECURED = (("SASL_SSL", "SASL_SSL"), ("MTLS", "SSL"), ("EXPIRED", "SSL"))


def _write_certificates(folder: Path) -> None:
    authority = Authority()
    write_certificates(folder, authority)
    write_secret(folder / "localhost.pem", authority.issue("broker", ["localhost"]))
    write_secret(folder / "client.pem", authority.issue("scorer.example"))
    write_secret(folder / "expired.pem", authority.issue("broker", ["localhost"], dt.timedelta(days=-1)))
    (folder / "other-ca.pem").write_bytes(Authority().pem)


def _settings(folder: Path) -> dict[str, str]:
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    return {
        "listener.name.sasl_ssl.ssl.keystore.location": str(folder / "localhost.pem"),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.location": str(folder / "expired.pem"),
        "listener.name.sasl_ssl.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{login} user_{PLAIN_USER}="{PLAIN_PASSWORD}";',
        "super.users": f"User:CN=broker;User:ANONYMOUS;User:{USER}",
    }


def _oauth(tokens: TokenServer) -> dict[str, str]:
    module = "org.apache.kafka.common.security.oauthbearer"
    listener = "listener.name.sasl_ssl"
    return {
        f"{listener}.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
        f"{listener}.oauthbearer.sasl.jaas.config": f"{module}.OAuthBearerLoginModule required;",
        f"{listener}.oauthbearer.sasl.server.callback.handler.class": f"{module}.OAuthBearerValidatorCallbackHandler",
        "sasl.oauthbearer.jwks.endpoint.url": tokens.jwks_url,
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        "sasl.oauthbearer.expected.issuer": ISSUER,
    }
