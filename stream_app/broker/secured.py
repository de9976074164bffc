"""Apache Kafka that asks who comes: TLS on every listener, SCRAM for clients, and rights by ACL.

Clients come to ``SASL_SSL``. On ``INTERNAL`` and ``CONTROLLER`` the broker itself and the starter, who administers,
show client certificates. An authority made for this start signs them all; secrets are in files that nobody else reads.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stream_app.broker.kafka_engine import Node
from stream_app.broker.ports import LOOPBACK
from stream_app.errors import BrokerStartFailed
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_connection.tls import Tls
from stream_app.kafka_rights import Right

if TYPE_CHECKING:
    from stream_app.broker.certificates import Authority

Users = Mapping[str, Sequence[Right]]
"""The users that may come, and their rights."""

CA, BROKER, ADMIN = "ca.pem", "broker.pem", "admin.pem"
MECHANISM = "SCRAM-SHA-512"
_SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"
_SCRAM_ITERATIONS = 4096  # the least Kafka takes; the passwords are 192 random bits


class Listener(NamedTuple):
    """``protocol``: Kafka's name of its security. Its host is part of what the broker advertises."""

    name: str
    protocol: str
    port: int
    host: str = LOOPBACK

    @property
    def address(self) -> str:
        return f"{self.name}://{self.host}:{self.port}"


def write_certificates(folder: Path, authority: Authority, hosts: Sequence[str] = (LOOPBACK, "localhost")) -> None:
    """The authority's certificate, those of broker and administrator, each with its key, into ``folder``."""
    (folder / CA).write_bytes(authority.pem)
    write_secret(folder / BROKER, authority.issue("broker", hosts))
    write_secret(folder / ADMIN, authority.issue("admin"))


def secured_node(
    folder: Path, controller_port: int, listeners: Sequence[Listener], settings: Mapping[str, str]
) -> Node:
    """A node whose certificates are in ``folder``. ``listeners``: the one named INTERNAL is the broker's own and the
    administrator's; all others are for clients. ``settings``: beside these.
    """
    controller = Listener("CONTROLLER", "SSL", controller_port)
    return Node(
        number=1,
        port=listeners[0].port,
        controller_port=controller_port,
        voters=[f"1@{LOOPBACK}:{controller_port}"],
        settings={
            "listeners": ",".join(listener.address for listener in [*listeners, controller]),
            "advertised.listeners": ",".join(listener.address for listener in listeners),
            "listener.security.protocol.map": ",".join(
                f"{one.name}:{one.protocol}" for one in [*listeners, controller]
            ),
            "inter.broker.listener.name": "INTERNAL",
            **_tls_settings(folder),
            "listener.name.sasl_ssl.sasl.enabled.mechanisms": MECHANISM,
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{_SCRAM_LOGIN};",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:CN=broker;User:CN=admin",
            **settings,
        },
    )


def _tls_settings(folder: Path) -> dict[str, str]:
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / BROKER),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / CA),
        "listener.name.internal.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
    }


def admin_connection(folder: Path, port: int) -> KafkaConnection:
    """The administrator's, who may do everything, to the listener INTERNAL."""
    return KafkaConnection(f"{LOOPBACK}:{port}", Tls(folder / CA, certificate=folder / ADMIN))


def admit_users(admin: KafkaConnection, bootstrap: str, folder: Path, users: Users) -> dict[str, Path]:
    """Make the users, with a new password each, and grant their rights. Gives a properties file for each, as Java
    clients take it, with which they reach ``bootstrap``. Raises BrokerStartFailed.
    """
    passwords = {user: secrets.token_urlsafe(24) for user in users}
    set_passwords(admin, passwords)
    grant(admin, users)
    files = {user: folder / f"{user}.properties" for user in users}
    for user, file in files.items():
        write_secret(file, _properties(bootstrap, folder / CA, user, passwords[user]).encode())
    return files


def set_passwords(admin: KafkaConnection, passwords: Mapping[str, str], mechanism: str = MECHANISM) -> None:
    """Make these users, by their passwords. Raises BrokerStartFailed."""
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion  # noqa: PLC0415 - as in kafka_admin

    made = ScramMechanism[mechanism.replace("-", "_")]
    credentials = [
        UserScramCredentialUpsertion(user, made, password, iterations=_SCRAM_ITERATIONS)
        for user, password in passwords.items()
    ]
    with admin_client(admin) as client:
        faults = client.alter_user_scram_credentials(credentials)
    if refused := [user for user, fault in faults.items() if fault is not None]:
        raise BrokerStartFailed(f"The broker did not make the users {', '.join(refused)}.")


def grant(admin: KafkaConnection, users: Users) -> None:
    """Grant the rights of each user. Raises BrokerStartFailed."""
    with admin_client(admin) as client:
        done = client.create_acls([acl(user, right) for user, rights in users.items() for right in rights])
    if done["failed"]:
        raise BrokerStartFailed(f"The broker did not grant {len(done['failed'])} rights.")


def acl(user: str, right: Right) -> Any:
    """A right as kafka-python writes it."""
    from kafka import admin  # noqa: PLC0415 - as in kafka_admin

    pattern_type = admin.ACLResourcePatternType.PREFIXED if right.prefixed else admin.ACLResourcePatternType.LITERAL
    kind = admin.ResourceType[right.kind.replace("-", "_").upper()]
    pattern = admin.ResourcePattern(kind, right.name, pattern_type)
    operation = admin.ACLOperation[right.reported_operation]
    return admin.ACL(f"User:{user}", "*", operation, admin.ACLPermissionType.ALLOW, pattern)


def _properties(bootstrap: str, ca: Path, user: str, password: str) -> str:
    return (
        f"bootstrap.servers={bootstrap}\n"
        "security.protocol=SASL_SSL\n"
        f"sasl.mechanism={MECHANISM}\n"
        f'sasl.jaas.config={_SCRAM_LOGIN} username="{user}" password="{password}";\n'
        "ssl.truststore.type=PEM\n"
        f"ssl.truststore.location={ca}\n"
    )


def write_secret(path: Path, data: bytes) -> None:
    """A file that only its owner can read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
