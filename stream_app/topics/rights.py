"""The least rights that each role needs on a cluster with ACLs.

The only table of them: the secured demo grants its users these rights and no others, the documentation shows them as
commands, and a process that lacks one of them names it.
"""

from __future__ import annotations

from collections.abc import Mapping

from stream_app.kafka_rights import Operation, Right
from stream_app.topics.names import TopicNames


def rights_by_role(
    names: TopicNames, group: str = "loan-scorer", monitor_group: str = "loan-monitor"
) -> Mapping[str, tuple[Right, ...]]:
    """The least rights each role needs; ``Read`` and ``Write`` imply ``Describe``, ``AlterConfigs``
    implies ``DescribeConfigs``.

    Every worker looks at all paired topics and their settings, to warn of what does not fit. An idempotent producer
    needs no right on the cluster since Kafka 3.0 (KIP-679). ``operator``: creates and checks the topics.
    """
    return {
        "scorer": (
            *_on_topics("Read", names.requests, names.decisions),
            *_on_topics("Write", names.decisions, names.rejections),
            *_on_topics("Describe", names.outcomes, names.drift),
            *_on_topics("DescribeConfigs", *names.paired()),
            Right("Read", "group", group),
            Right("Write", "transactional-id", f"{group}.", prefixed=True),
        ),
        "monitor": (
            *_on_topics("Read", names.decisions, names.outcomes),
            *_on_topics("Write", names.drift),
            *_on_topics("Describe", names.requests, names.rejections),
            *_on_topics("DescribeConfigs", *names.paired()),
            Right("Read", "group", monitor_group),
        ),
        "gateway": (
            *_on_topics("Write", names.requests),
            *_on_topics("Read", names.decisions, names.rejections),
            Right("Describe", "group", group),
        ),
        "producer": _on_topics("Write", names.requests),
        "label-producer": _on_topics("Write", names.outcomes),
        "profile-producer": _on_topics("Write", names.clients),
        "follower": _on_topics("Read", names.clients),
        "reader": _on_topics("Read", names.decisions, names.rejections, names.drift),
        "data-protection-officer": (
            *_on_topics("Read", *names.of_clients()),
            *_on_topics("DescribeConfigs", *names.of_clients()),
            *_on_topics("Write", names.clients),
        ),
        "operator": (
            *_on_topics("Create", *names.all()),
            *_on_topics("Describe", *names.all()),
            *_on_topics("DescribeConfigs", *names.of_clients()),
            *_on_topics("AlterConfigs", names.drift),
        ),
    }


def _on_topics(operation: Operation, *topics: str) -> tuple[Right, ...]:
    return tuple(Right(operation, "topic", topic) for topic in topics)
