"""Who may do what on the cluster: the rights of each role, the commands that grant them, and the check at the start.

The table is the only one: the secured demo grants its users these rights and no others, the documentation shows them as
commands, and a process that lacks one of them says so. Imports no Kafka client until a function is called.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from stream_app.errors import RightsMissing
from stream_app.kafka_admin import ask
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames

Role = Literal["scorer", "monitor", "gateway", "producer", "label-producer", "reader", "operator"]
Operation = Literal["Read", "Write", "Describe", "Create", "AlterConfigs", "DescribeConfigs", "Delete"]
Kind = Literal["topic", "group", "transactional-id"]

_NOT_AUTHORIZED, _NOT_THERE = 29, 3
"""Kafka's error codes of a topic that may not be described, and of one that does not exist."""


class Right(NamedTuple):
    """One operation on one resource, or ``prefixed`` on all whose name begins so."""

    operation: Operation
    kind: Kind
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        names = f"the {self.kind}s that begin with" if self.prefixed else f"the {self.kind}"
        return f"{self.operation} on {names} {self.name}"

    @property
    def reported_operation(self) -> str:
        """As the protocol's clients write it: ``DESCRIBE_CONFIGS`` for ``DescribeConfigs``."""
        return "".join(f"_{letter}" if letter.isupper() else letter for letter in self.operation).lstrip("_").upper()

    def grant_command(self, principal: str, bootstrap: str) -> str:
        """The command with which an administrator of the cluster grants it. ``principal``: such as ``User:scorer``."""
        pattern = ["--resource-pattern-type", "prefixed"] if self.prefixed else []
        who = ["--add", "--allow-principal", principal]
        what = ["--operation", self.operation, f"--{self.kind}", self.name, *pattern]
        return shlex.join(["kafka-acls.sh", "--bootstrap-server", bootstrap, *who, *what])


def rights_by_role(
    names: TopicNames, group: str = "loan-scorer", monitor_group: str = "loan-monitor"
) -> Mapping[str, tuple[Right, ...]]:
    """The least rights each role needs; ``Read`` and ``Write`` imply ``Describe``.

    Every worker describes all topics, to check that their partition counts agree. An idempotent producer needs no
    right on the cluster since Kafka 3.0 (KIP-679). ``operator``: creates and checks the topics.
    """
    return {
        "scorer": (
            *_on_topics("Read", names.requests, names.decisions),
            *_on_topics("Write", names.decisions, names.rejections),
            *_on_topics("Describe", names.outcomes, names.drift),
            Right("Read", "group", group),
            Right("Write", "transactional-id", f"{group}.", prefixed=True),
        ),
        "monitor": (
            *_on_topics("Read", names.decisions, names.outcomes),
            *_on_topics("Write", names.drift),
            *_on_topics("Describe", names.requests, names.rejections),
            Right("Read", "group", monitor_group),
        ),
        "gateway": (
            *_on_topics("Write", names.requests),
            *_on_topics("Read", names.decisions, names.rejections),
            Right("Describe", "group", group),
        ),
        "producer": _on_topics("Write", names.requests),
        "label-producer": _on_topics("Write", names.outcomes),
        "reader": _on_topics("Read", names.decisions, names.rejections, names.drift),
        "operator": (
            *_on_topics("Create", *names.all()),
            *_on_topics("Describe", *names.all()),
            *_on_topics("DescribeConfigs", *names.all()),
            *_on_topics("AlterConfigs", *names.all()),
        ),
    }


def _on_topics(operation: Operation, *topics: str) -> tuple[Right, ...]:
    return tuple(Right(operation, "topic", topic) for topic in topics)


def require_rights(
    connection: KafkaConnection, role: Role, rights: Iterable[Right], wait_seconds: float = 30.0
) -> None:
    """Ask the cluster what we may do. Raises RightsMissing, which names each right that is missing, or
    BrokerUnreachable.

    Rights on transactional ids cannot be asked for: a transaction that is begun tells. A topic that does not exist, and
    a broker that reports no rights, are passed over.
    """
    rights = tuple(rights)
    held = ask(
        connection, lambda admin: _rights_on_topics(admin, rights) | _rights_on_groups(admin, rights), wait_seconds
    )
    if missing := [right for right in rights if not _is_held(right, held)]:
        raise rights_missing(connection, role, missing)


def rights_missing(connection: KafkaConnection, role: Role, missing: Iterable[Right]) -> RightsMissing:
    """The error that names these rights, whose they must be, and the commands that grant them."""
    missing = tuple(missing)
    listed = "; ".join(map(str, missing))
    commands = "\n".join(f"  {right.grant_command(connection.principal, str(connection))}" for right in missing)
    return RightsMissing(
        f"The cluster at {connection} does not let {connection.principal}, the {role}, do what it must: {listed}.",
        do_next=f"Have an administrator of the cluster grant it, then start again:\n{commands}",
    )


_Held = dict[tuple[Kind, str], frozenset[str] | None]
"""The operations held on a resource, in capitals; None: not known."""


def _rights_on_topics(admin: Any, rights: tuple[Right, ...]) -> _Held:
    names = sorted({right.name for right in rights if right.kind == "topic"})
    described = admin.describe_topics(names) if names else []
    return {("topic", topic["name"]): _operations(topic, topic["error_code"]) for topic in described}


def _rights_on_groups(admin: Any, rights: tuple[Right, ...]) -> _Held:
    from kafka.errors import GroupAuthorizationFailedError  # noqa: PLC0415

    held: _Held = {}
    for name in sorted({right.name for right in rights if right.kind == "group"}):
        try:
            held["group", name] = _operations(admin.describe_groups([name])[name])
        except GroupAuthorizationFailedError:
            held["group", name] = frozenset()
        except ValueError:  # what kafka-python makes of Tansu's answer
            held["group", name] = None
    return held


def _operations(described: Mapping[str, Any], error: int = 0) -> frozenset[str] | None:
    if error == _NOT_AUTHORIZED:
        return frozenset()
    operations = described.get("authorized_operations")
    return None if error == _NOT_THERE or not operations else frozenset(operations)


def _is_held(right: Right, held: _Held) -> bool:
    operations = held.get((right.kind, right.name))
    return operations is None or right.reported_operation in operations
