"""Lines for a terminal that change topics, in the words of Kafka's own tools."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stream_app.kafka_connection.connection import KafkaConnection


def alter_settings(connection: KafkaConnection, topic: str, settings: Mapping[str, str]) -> str:
    """Sets what a topic is set to."""
    added = ",".join(f"{name}={value}" for name, value in settings.items())
    return f"{_tool('configs', connection)} --alter --entity-type topics --entity-name {topic} --add-config {added}"


def add_partitions(connection: KafkaConnection, topic: str, partitions: int) -> str:
    """Has a topic grow to so many partitions."""
    return f"{_tool('topics', connection)} --alter --topic {topic} --partitions {partitions}"


def reassign(connection: KafkaConnection, topic: str, replicas: Mapping[int, list[int]]) -> str:
    """Gives each partition these replicas, by the numbers of their brokers; the plan goes into a file beside it."""
    partitions = [{"topic": topic, "partition": number, "replicas": brokers} for number, brokers in replicas.items()]
    plan = msgspec.json.encode({"version": 1, "partitions": partitions}).decode()
    execute = f"{_tool('reassign-partitions', connection)} --reassignment-json-file {topic}.json --execute"
    return f"echo '{plan}' > {topic}.json && {execute}"


def _tool(name: str, connection: KafkaConnection) -> str:
    """Credentials go into a file that Kafka's tools read, never into a line that others see."""
    secured = "" if connection.security_protocol == "PLAINTEXT" else " --command-config client.properties"
    return f"kafka-{name}.sh --bootstrap-server {connection}{secured}"
