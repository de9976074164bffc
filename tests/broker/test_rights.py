"""Rights by ACL on a real Apache Kafka: each one that is missing is named, with the command that grants it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stream_app.broker.secured import acl, admit_users, grant
from stream_app.errors import DeliveryFailed, RightsMissing
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Right, require_rights
from stream_app.settings import ConnectionSettings
from stream_app.topics import TopicNames, create_topics, rights_by_role
from tests.builders.scorer_requests import requests
from tests.servers.deployment import Deployment
from tests.servers.secure_kafka import SecureKafka
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PREFIX = "rights."
NAMES = TopicNames.prefixed(PREFIX)
ROLES = rights_by_role(NAMES, "rights.scorer", "rights.monitor")
LACKING = {f"{role}-{number}": (role, right) for role, held in ROLES.items() for number, right in enumerate(held)}
"""A user for each right of each role, who has all of the role's rights but this one."""


@pytest.fixture(scope="module")
def users(cluster: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Those, and for each role one who lacks nothing: the properties file of each."""
    create_topics(cluster.admin, names=NAMES)
    held = {user: [right for right in ROLES[role] if right != lacking] for user, (role, lacking) in LACKING.items()}
    folder = tmp_path_factory.mktemp("users")
    (folder / "ca.pem").write_bytes(cluster.ca.read_bytes())
    (folder / "profiles.csv").write_text("application_id,state\n7,CA\n")
    return admit_users(cluster.admin, cluster.sasl_ssl, folder, {**ROLES, **held})


def connection_of(file: Path, cluster: SecureKafka) -> KafkaConnection:
    return ConnectionSettings.read(kafka=cluster.sasl_ssl, kafka_properties=file).connection


@pytest.mark.parametrize("role", ROLES)
def test_the_rights_of_a_role_are_all_it_is_asked_for(role: str, users: dict[str, Path], cluster: SecureKafka) -> None:
    require_rights(connection_of(users[role], cluster), role, ROLES[role])  # type: ignore[arg-type]
    with pytest.raises(RightsMissing):
        require_rights(connection_of(users["reader"], cluster), "operator", ROLES["operator"])


@pytest.mark.parametrize("role", ROLES)
def test_each_right_that_is_missing_is_named_alone_with_the_command_that_grants_it(
    role: str, users: dict[str, Path], cluster: SecureKafka
) -> None:
    for user, (of_role, right) in LACKING.items():
        if of_role == role:
            with pytest.raises(RightsMissing) as refused:
                require_rights(connection_of(users[user], cluster), role, ROLES[role])  # type: ignore[arg-type]
            assert refused.value.happened == (
                f"The cluster at {cluster.sasl_ssl} does not let User:{user}, the {role}, do what it must: {right}."
            )
            pattern = " --resource-pattern-type prefixed" if right.prefixed else ""
            assert refused.value.do_next.splitlines()[1:] == [
                f"  kafka-acls.sh --bootstrap-server {cluster.sasl_ssl} --command-config admin.properties --add "
                f"--allow-principal User:{user} --operation {right.operation} --{right.kind} {right.name}{pattern}"
            ]


def user_without(role: str, operation: str, kind: str, name: str) -> tuple[str, Right]:
    [found] = [
        (user, right)
        for user, (of_role, right) in LACKING.items()
        if (of_role, right.operation, right.kind) == (role, operation, kind) and right.name.startswith(name)
    ]
    return found


def environment(cluster: SecureKafka, file: Path, **settings: str) -> dict[str, str]:
    given = {"kafka": cluster.sasl_ssl, "kafka_properties": str(file), "topic_prefix": PREFIX, **settings}
    return os.environ | {f"STREAM_APP_{name.upper()}": value for name, value in given.items()}


COMMANDS = {
    "scorer, topic": (["worker"], user_without("scorer", "Write", "topic", NAMES.decisions)),
    "scorer, group": (["worker"], user_without("scorer", "Read", "group", "")),
    "scorer, transactions": (["worker"], user_without("scorer", "Write", "transactional-id", "")),
    "monitor": (["monitor"], user_without("monitor", "Read", "topic", NAMES.outcomes)),
    "producer": (["produce", "--sample", "2"], user_without("producer", "Write", "topic", "")),
    "label producer": (
        ["produce", "--outcomes", "--sample", "2"],
        user_without("label-producer", "Write", "topic", ""),
    ),
    "follower": (["clients", "follow"], user_without("follower", "Read", "topic", "")),
    "profile producer": (
        ["clients", "publish", "profiles.csv"],
        user_without("profile-producer", "Write", "topic", ""),
    ),
    "export": (
        ["person", "export", "7"],
        user_without("data-protection-officer", "DescribeConfigs", "topic", NAMES.outcomes),
    ),
    "export, topics": (
        ["person", "export", "7", "--topics"],
        user_without("data-protection-officer", "Read", "topic", NAMES.requests),
    ),
    "erase": (
        ["person", "erase", "7", "--yes"],
        user_without("data-protection-officer", "Write", "topic", NAMES.clients),
    ),
    "reader": (["decisions"], user_without("reader", "Read", "topic", NAMES.decisions)),
    "operator, check": (["topics", "check"], user_without("operator", "DescribeConfigs", "topic", NAMES.decisions)),
    "operator, create": (["topics", "create"], user_without("operator", "AlterConfigs", "topic", NAMES.drift)),
}


@pytest.mark.parametrize(("command", "lacking"), COMMANDS.values(), ids=COMMANDS)
def test_a_process_without_a_right_ends_with_its_name_and_a_status_of_its_own(
    command: list[str], lacking: tuple[str, Right], users: dict[str, Path], cluster: SecureKafka, clients: Path
) -> None:
    user, right = lacking
    own = {"group": "rights.scorer", "monitor_group": "rights.monitor", "clients": str(clients), "web_port": "0"}
    own |= {"monitor_port": "0", "clients_port": "0"}
    settings = environment(cluster, users[user], store=str(users[user].with_suffix(".db")), **own)
    done = subprocess.run(
        [sys.executable, "-m", "stream_app", *command],
        env=settings,
        cwd=users[user].parent,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == RightsMissing.exit_status, done.stderr
    assert f"do what it must: {right}." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_topic_that_may_not_be_created_is_named(users: dict[str, Path], cluster: SecureKafka) -> None:
    """Who may describe names that are not there yet is not told what else it may do with them."""
    names = TopicNames.prefixed("rights.new.")
    allowed = [right for right in rights_by_role(names)["operator"] if right.name != names.drift]
    grant(cluster.admin, {"operator": [*allowed, Right("Describe", "topic", names.drift)]})
    with pytest.raises(RightsMissing, match=f"must: Create on the topic {names.drift}"):
        create_topics(connection_of(users["operator"], cluster), names=names)


def test_a_gateway_without_a_right_is_not_ready_says_why_and_is_ready_once_it_has_it(
    secure_deployment: Deployment, users: dict[str, Path], cluster: SecureKafka
) -> None:
    user, right = user_without("gateway", "Write", "topic", NAMES.requests)
    settings: dict[str, Any] = {
        "kafka": cluster.sasl_ssl,
        "kafka_properties": users[user],
        "topic_prefix": PREFIX,
    }
    gateway = secure_deployment.start(command="gateway", ready=False, group="rights.scorer", **settings)
    said = f"must: {right}."
    wait_until(lambda: said in gateway.log.read_text(), "the gateway names the right")
    assert gateway.page("ready") == ""
    grant(cluster.admin, {user: [right]})
    wait_until(gateway.ready, "the gateway is ready")
    with admin_client(cluster.admin) as admin:  # as it was, for the other tests
        admin.delete_acls([acl(user, right)])


@pytest.fixture
def scorer_user(secure_deployment: Deployment, cluster: SecureKafka, tmp_path: Path) -> Path:
    """A user with all rights of a scorer, of this test alone."""
    (tmp_path / "ca.pem").write_bytes(cluster.ca.read_bytes())
    rights = rights_by_role(secure_deployment.names, secure_deployment.group)["scorer"]
    user = secure_deployment.group
    return admit_users(cluster.admin, cluster.sasl_ssl, tmp_path, {user: rights})[user]


TAKEN = {"reading": "Read", "writing": "Write"}


@pytest.mark.parametrize("operation", TAKEN.values(), ids=TAKEN)
def test_a_scorer_whose_right_is_taken_away_ends_undecided_and_the_next_start_names_it(
    operation: str, secure_deployment: Deployment, scorer_user: Path, cluster: SecureKafka
) -> None:
    names, group = secure_deployment.names, secure_deployment.group
    settings: dict[str, Any] = {
        "kafka": cluster.sasl_ssl,
        "kafka_properties": scorer_user,
        "delivery_timeout_seconds": 6,
    }
    scorer = secure_deployment.start(**settings)
    secure_deployment.answered(secure_deployment.send(requests(20)))
    topic = names.requests if operation == "Read" else names.decisions
    right = Right(operation, "topic", topic)  # type: ignore[arg-type]
    with admin_client(cluster.admin) as admin:
        admin.delete_acls([acl(group, right)])
    sources = secure_deployment.send(requests(20, 20))
    assert scorer.process.wait(60) in (DeliveryFailed.exit_status, RightsMissing.exit_status)
    assert "Traceback" not in scorer.log.read_text()
    again = secure_deployment.start(ready=False, **settings)
    assert again.process.wait(60) == RightsMissing.exit_status
    assert f"{right}" in again.log.read_text()
    grant(cluster.admin, {group: [right]})
    secure_deployment.start(**settings)
    assert set(secure_deployment.answered(sources).values()) == {1}
