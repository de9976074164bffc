"""The topics, for ``stream-app person``: what may be on them of a client until when, and the null that deletes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from stream_app.commands.options import to_stderr
from stream_app.commands.read_topic import Span, read
from stream_app.commands.send import DELIVERY_SECONDS, started_producer
from stream_app.errors import BrokerUnreachable, DeliveryFailed
from stream_app.kafka_admin import admin_client, ask, wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Right, require_rights
from stream_app.topics import TopicNames, rights_by_role

_SETTINGS = ["cleanup.policy", "retention.ms", "delete.retention.ms"]


class _Value(msgspec.Struct):
    client_id: str = ""


_value = msgspec.json.Decoder(_Value).decode


class Record(msgspec.Struct, frozen=True):
    """A record of the client. ``value``: JSON, or a text of what is none; None for a null."""

    partition: int
    offset: int
    written_at: dt.datetime
    value: msgspec.Raw | str | None


class TopicHolding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One topic there is. ``kept``: by what its records go; ``until``: when those written by now are gone, None if no
    time is set. ``takes_null``: a null deletes a client there. ``records``: the client's, where the topic was read.
    """

    topic: str
    kept: str
    until: dt.datetime | None
    takes_null: bool = False
    records: list[Record] | None = None


def holdings(
    connection: KafkaConnection,
    names: TopicNames,
    client_id: str,
    wait_seconds: float,
    *,
    with_records: bool,
    erasing: bool,
) -> list[TopicHolding]:
    """Each topic that may hold records of clients. Raises BrokerUnreachable, and RightsMissing: a topic that may not be
    described must not be taken for one that is not there.
    """
    wait_for_broker(connection, wait_seconds, say=to_stderr)
    require_rights(connection, "data-protection-officer", _rights(names, with_records, erasing))
    asked = names.of_clients()
    there = ask(connection, lambda admin: _there(admin, asked), wait_seconds)
    now = dt.datetime.now(dt.UTC)
    return [
        TopicHolding(
            topic,
            *_kept(its_settings, now),
            takes_null=topic == names.clients,
            records=_records(connection, topic, client_id) if with_records else None,
        )
        for topic, its_settings in _settings(connection, there, wait_seconds).items()
    ]


def _rights(names: TopicNames, with_records: bool, erasing: bool) -> list[Right]:
    """Of the role's rights those that are needed now."""
    held = (
        right for right in rights_by_role(names)["data-protection-officer"] if erasing or right.operation != "Write"
    )
    return [
        right if with_records or right.operation != "Read" else right._replace(operation="Describe") for right in held
    ]


def _there(admin: Any, names: Sequence[str]) -> list[str]:
    known = {topic["name"] for topic in admin.describe_topics(names) if topic["error_code"] == 0}
    return [name for name in names if name in known]


def _settings(connection: KafkaConnection, names: list[str], wait_seconds: float) -> dict[str, dict[str, str]]:
    """None where the broker tells none: Tansu, or a user without the right."""
    from kafka.admin import ConfigResource

    asked = [ConfigResource("TOPIC", name, _SETTINGS) for name in names]
    try:
        with admin_client(connection, wait_seconds) as admin:
            described = admin.describe_configs(asked, config_filter="all")["topic"] if asked else {}
    except BrokerUnreachable:
        return {name: {} for name in names}
    return {name: {key: entry["value"] for key, entry in described.get(name, {}).items()} for name in names}


def _kept(settings: dict[str, str], now: dt.datetime) -> tuple[str, dt.datetime | None]:
    """By what a topic's records go, and when those written by now are gone."""
    policy, retention_ms = settings.get("cleanup.policy"), int(settings.get("retention.ms", -1))
    if policy is None:
        return "the broker does not say for how long", None
    if policy == "compact":
        days = int(settings["delete.retention.ms"]) / 86_400_000
        return f"the newest record of each key stays; a null deletes it, and goes itself after {days:g} days", None
    if retention_ms < 0:
        return "no limit of time", None
    age = dt.timedelta(milliseconds=retention_ms)
    return f"{age / dt.timedelta(days=1):g} days", now + age


def _records(connection: KafkaConnection, topic: str, client_id: str) -> list[Record]:
    records = read(connection, topic, Span(), say=to_stderr)
    return [_record(record) for record in records if _is_of(record, client_id)]


def _is_of(record: Any, client_id: str) -> bool:
    """By its key, or by what its JSON says: a rejected record may have another key, or none."""
    if record.key == client_id.encode():
        return True
    try:
        return _value(record.value or b"").client_id == client_id
    except (ValueError, RecursionError):
        return False


def _record(record: Any) -> Record:
    written_at = dt.datetime.fromtimestamp(max(0, record.timestamp) / 1000, dt.UTC)
    return Record(record.partition, record.offset, written_at, _shown(record.value))


def _shown(value: bytes | None) -> msgspec.Raw | str | None:
    if value is None:
        return None
    try:
        msgspec.json.decode(value)
    except (ValueError, RecursionError):
        return value.decode(errors="backslashreplace")
    return msgspec.Raw(value)


def send_null(connection: KafkaConnection, topic: str, client_id: str) -> None:
    """Delete the client from a compacted topic: a null on every partition, since producers' partitioners differ.

    Raises DeliveryFailed.
    """
    from kafka.errors import KafkaError

    with started_producer(connection) as producer:
        try:
            numbers = sorted(producer.partitions_for(topic) or ())
            sent = [producer.send(topic, key=client_id.encode(), partition=number) for number in numbers]
            for future in sent:
                future.get(timeout=DELIVERY_SECONDS)
        except KafkaError as fault:
            raise DeliveryFailed(
                f"The broker did not take the null that deletes the client's profile ({type(fault).__name__}).",
                kept="Nothing was erased in the stores.",
                do_next="Check the broker, and erase again.",
            ) from fault
