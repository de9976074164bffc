"""Rights on the cluster (ACLs): what one is, the command that grants it, and the check at the start that all are there.

Which rights each role needs stands in :mod:`stream_app.topics.rights`. Imports no Kafka client until a function is
called.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from stream_app.errors import RightsMissing
from stream_app.kafka_admin import ask
from stream_app.kafka_connection.connection import KafkaConnection

Role = Literal[
    "scorer",
    "monitor",
    "gateway",
    "producer",
    "label-producer",
    "profile-producer",
    "follower",
    "reader",
    "data-protection-officer",
    "operator",
]
Operation = Literal["Read", "Write", "Describe", "Create", "AlterConfigs", "DescribeConfigs", "Delete"]
Kind = Literal["topic", "group", "transactional-id"]

_NOT_AUTHORIZED = 29
"""Kafka's error code of a topic that may not be described."""


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

    def grant_command(self, connection: KafkaConnection) -> str:
        """The command with which an administrator of this cluster grants it to whom the connection stands for."""
        secured = connection.security_protocol != "PLAINTEXT"
        where = ["--bootstrap-server", str(connection), *(["--command-config", "admin.properties"] if secured else [])]
        what = ["--add", "--allow-principal", connection.principal, "--operation", self.operation]
        pattern = ["--resource-pattern-type", "prefixed"] if self.prefixed else []
        return shlex.join(["kafka-acls.sh", *where, *what, f"--{self.kind}", self.name, *pattern])


def require_rights(
    connection: KafkaConnection, role: Role, rights: Iterable[Right], wait_seconds: float = 30.0
) -> None:
    """Ask the cluster what we may do. Raises RightsMissing, which names each right that is missing, or
    BrokerUnreachable.

    A topic that does not exist is passed over, and so is whatever the broker does not report: of a group without
    members and of a transactional id it tells whether they may be described, no more.
    """
    rights = tuple(rights)
    held = ask(connection, lambda admin: _held(admin, rights), wait_seconds)
    if missing := [right for right in rights if not _is_held(right, held)]:
        raise rights_missing(connection, role, missing)


def rights_missing(connection: KafkaConnection, role: Role, missing: Iterable[Right]) -> RightsMissing:
    """The error that names these rights, whose they must be, and the commands that grant them."""
    missing = tuple(missing)
    listed = "; ".join(map(str, missing))
    commands = "\n".join(f"  {right.grant_command(connection)}" for right in missing)
    return RightsMissing(
        f"The cluster at {connection} does not let {connection.principal}, the {role}, do what it must: {listed}.",
        do_next=f"Have an administrator of the cluster grant it, then start again:\n{commands}",
    )


def right_taken() -> RightsMissing:
    """What ends a worker whose right to read was taken away while it ran."""
    return RightsMissing(
        "The cluster no longer lets this worker read a topic.",
        kept="Nothing that was in hand was committed.",
        do_next="Start it again: it then names the right that is missing, and the command that grants it.",
    )


_Operations = frozenset[str] | None
"""Those held on a resource, as the protocol writes them. None: not known. Empty: it may not be described, which every
right of :data:`_IMPLY_DESCRIBE` would allow; of the others nothing is known then."""
_IMPLY_DESCRIBE = {"Read", "Write", "Delete", "Describe"}


def _held(admin: Any, rights: Iterable[Right]) -> dict[tuple[Kind, str], _Operations]:
    names: dict[Kind, set[str]] = {"topic": set(), "group": set(), "transactional-id": set()}
    for right in rights:
        names[right.kind].add(right.name)
    topics = admin.describe_topics(sorted(names["topic"])) if names["topic"] else []
    return {
        **{("topic", topic["name"]): _on_topic(topic) for topic in topics},
        **{("group", name): _unless_refused(partial(_on_group, admin, name)) for name in names["group"]},
        **{
            ("transactional-id", name): _unless_refused(partial(admin.describe_transactions, [f"{name}check"]))
            for name in names["transactional-id"]
        },
    }


def _on_topic(described: Mapping[str, Any]) -> _Operations:
    if described["error_code"] == _NOT_AUTHORIZED:
        return frozenset()
    return _reported(described) if described["error_code"] == 0 else None


def _on_group(admin: Any, name: str) -> _Operations:
    return _reported(admin.describe_groups([name])[name])


def _reported(described: Mapping[str, Any]) -> _Operations:
    return frozenset(described.get("authorized_operations") or ()) or None


def _unless_refused(question: Callable[[], Any]) -> _Operations:
    """What the broker answers, if it is operations. It refuses before it looks whether there is anything to describe;
    kafka-python makes a ValueError of what Tansu answers.
    """
    from kafka.errors import AuthorizationError, KafkaError  # noqa: PLC0415

    try:
        answer = question()
    except AuthorizationError:
        return frozenset()
    except (KafkaError, ValueError):
        return None
    return answer if isinstance(answer, frozenset) else None


def _is_held(right: Right, held: Mapping[tuple[Kind, str], _Operations]) -> bool:
    operations = held.get((right.kind, right.name))
    if not operations:
        return operations is None or right.operation not in _IMPLY_DESCRIBE
    return right.reported_operation in operations
