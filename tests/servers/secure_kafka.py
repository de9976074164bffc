"""A real Apache Kafka that asks who comes: TLS, SASL (SCRAM, PLAIN), client certificates, and rights by ACL.

Listeners: PLAINTEXT for the tests themselves, whose anonymous user may do everything, ``SASL_SSL``, ``MTLS``, and
``EXPIRED``, whose certificate ended yesterday.
Certificates are made for each run and signed by an authority of its own.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import Node, find_java, kafka_node, new_cluster_id
from stream_app.broker.ports import LOOPBACK, free_ports
from stream_app.broker.process import SupervisedProcess
from stream_app.kafka_admin import admin_client, wait_for_broker
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


@contextlib.contextmanager
def secure_kafka(folder: Path, tokens: TokenServer | None = None) -> Iterator[SecureKafka]:
    """Starts one and ends it; with ``tokens`` its ``SASL_SSL`` listener takes OAUTHBEARER, too.

    Raises BrokerStartFailed where Java, Maven or the jars are missing.
    """
    java, jars = find_java(), kafka_jars(print)
    plain, controller, sasl_ssl, mtls, expired = free_ports(5)
    _write_certificates(folder)
    node = Node(
        number=1,
        port=plain,
        controller_port=controller,
        voters=[f"1@{LOOPBACK}:{controller}"],
        settings=_settings(folder, plain, controller, sasl_ssl, mtls, expired) | (_oauth(tokens) if tokens else {}),
    )
    java_path, *arguments = kafka_node(java, jars, folder, node, new_cluster_id()).command
    allowed = [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.jwks_url}"] if tokens else []
    process = SupervisedProcess([java_path, *allowed, *arguments], log=folder / "broker.log", remove=None)
    try:
        cluster = SecureKafka(
            f"{LOOPBACK}:{plain}", f"localhost:{sasl_ssl}", f"localhost:{mtls}", f"localhost:{expired}", folder
        )
        wait_for_broker(KafkaConnection(cluster.plaintext), 90)
        _add_user(cluster.plaintext)
        yield cluster
    finally:
        process.stop()


def _write_certificates(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    for name, host in (("broker", "localhost"), ("client", "scorer.example")):
        (folder / f"{name}.pem").write_bytes(_as_pkcs8(authority.issue_cert(host)))
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    (folder / "expired.pem").write_bytes(_as_pkcs8(authority.issue_cert("localhost", not_after=yesterday)))


def _as_pkcs8(issued: trustme.LeafCert) -> bytes:
    """Key and chain; Java reads a key in PKCS#8 only."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    return key.private_bytes(pem, pkcs8, serialization.NoEncryption()) + chain


def _settings(folder: Path, plain: int, controller: int, sasl_ssl: int, mtls: int, expired: int) -> dict[str, str]:
    secured = {"SASL_SSL": sasl_ssl, "MTLS": mtls, "EXPIRED": expired}
    own = [f"PLAINTEXT://{LOOPBACK}:{plain}", *(f"{name}://localhost:{port}" for name, port in secured.items())]
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    return {
        "listeners": ",".join([*own, f"CONTROLLER://{LOOPBACK}:{controller}"]),
        "advertised.listeners": ",".join(own),
        "listener.security.protocol.map": ",".join(
            ["CONTROLLER:PLAINTEXT", "PLAINTEXT:PLAINTEXT", "SASL_SSL:SASL_SSL", "MTLS:SSL", "EXPIRED:SSL"]
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.expired.ssl.keystore.location": str(folder / "expired.pem"),
        "listener.name.sasl_ssl.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{login} user_{PLAIN_USER}="{PLAIN_PASSWORD}";',
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{USER}",
        "allow.everyone.if.no.acl.found": "false",
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


def _add_user(bootstrap: str) -> None:
    mechanisms = (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
    with admin_client(KafkaConnection(bootstrap)) as admin:
        for mechanism in mechanisms:  # a user may occur once in a request
            credential = UserScramCredentialUpsertion(USER, mechanism, PASSWORD, iterations=4096)
            assert admin.alter_user_scram_credentials([credential]) == {USER: None}
