"""The rights of each role on a cluster with ACLs, as the commands that grant them."""

from __future__ import annotations

from collections.abc import Iterable

from docs.generate.markdown import page
from stream_app.kafka_connection.connection import KafkaConnection, Sasl
from stream_app.kafka_connection.tls import Tls
from stream_app.kafka_rights import Right
from stream_app.topics import TopicNames, rights_by_role

RIGHTS = """
What each role needs on a cluster with ACLs, and nothing more: `stream-app demo --secure` grants its users just these.
An administrator runs the commands of a role; write the role's own user name for `User:...`, your prefix before the
topics, and your consumer groups if you named others. A process without one of these rights ends with status 14 and
names it (the gateway is not ready and logs it), with the command that grants it.
"""
ROLES = {
    "scorer": "`stream-app worker`. With `STREAM_APP_GUARANTEE=at_least_once` the transactional ids are not needed.",
    "monitor": "`stream-app monitor`.",
    "gateway": "`stream-app gateway`.",
    "producer": "Whoever sends requests, such as `stream-app produce`.",
    "label-producer": "Whoever sends labels, such as `stream-app produce --outcomes`.",
    "profile-producer": "Whoever sends profiles, such as `stream-app clients publish`.",
    "follower": "`stream-app clients follow`. It needs no consumer group: the client store says how far it has read.",
    "reader": "Whoever reads the outputs, such as `stream-app decisions` and `stream-app rejections`.",
    "data-protection-officer": "`stream-app person export --topics` and `person erase`. `Write` is for `erase` "
    "alone; without `--topics`, `Describe` takes the place of `Read`.",
    "operator": "`stream-app topics create`; without `Create` and `AlterConfigs`, `stream-app topics check`.",
}


def rights() -> str:
    table = rights_by_role(TopicNames())
    return page("Rights on the cluster", RIGHTS, *(_section(role, table[role]) for role in ROLES))


def _section(role: str, rights: Iterable[Right]) -> str:
    connection = KafkaConnection("broker.example:9093", Tls(), Sasl("SCRAM-SHA-512", role, ""))
    commands = "\n".join(f"$ {right.grant_command(connection)}" for right in rights)
    return f"## {role}\n\n{ROLES[role]}\n\n```console\n{commands}\n```"
