"""How each topic is created, and what it is for."""

from __future__ import annotations

import msgspec

from stream_app.topics.fit import DEFAULT_BYTES, Role
from stream_app.topics.names import TopicNames

BATCH_BYTES = DEFAULT_BYTES
"""The largest record batch, so also the largest record, a topic takes: Kafka's own default."""

OUTPUT_BATCH_BYTES = 512 * 1024
"""The largest batch of several decisions, rejections or drift events that we publish: half of a topic's default."""

REQUEST_BYTES = 65_536
"""The largest request a gateway passes on and a scorer reads, unless their settings say otherwise."""

REJECTION_BATCH_BYTES = 2 * BATCH_BYTES
"""The same for rejections: the largest request and its headers (below 2 kB) always fit.

A producer of rejections needs a ``max_request_size`` of this, too. Tansu takes the setting but enforces no limit.
"""

COMPACTED = {"cleanup.policy": "compact"}
"""The newest record of each key stays for good: of drift events each last revision, of clients each last profile."""

DELETIONS_KEPT_SECONDS = 30 * 86_400
"""How long a deleted client's null stays on the topic of profiles. A follower that was away for longer missed some."""


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as it is created; ``config`` holds Kafka's topic settings."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def topic_specs(names: TopicNames, partitions: int, replication: int) -> tuple[TopicSpec, ...]:
    """How each topic is created."""
    return tuple(
        TopicSpec(name=name, partitions=partitions, replication=replication, config=_config(names, name, replication))
        for name in names.all()
    )


def _config(names: TopicNames, name: str, replication: int) -> dict[str, str]:
    config = {"max.message.bytes": str(REJECTION_BATCH_BYTES if name == names.rejections else BATCH_BYTES)}
    if name in (names.drift, names.clients):
        config |= COMPACTED
    if name == names.clients:
        config["delete.retention.ms"] = str(DELETIONS_KEPT_SECONDS * 1000)
    if replication > 1:
        # With acks=all a record is safe on all replicas but one; one broker may be down and writing goes on.
        config["min.insync.replicas"] = str(replication - 1)
    return config


def roles(names: TopicNames) -> dict[str, Role]:
    """What each topic is for. A single rejection may be larger than a batch of several."""
    return {
        names.requests: Role(compacted=False, least_bytes=REQUEST_BYTES, read_by="a scorer", holds_requests=True),
        names.decisions: Role(compacted=False, least_bytes=OUTPUT_BATCH_BYTES, read_by="a scorer or monitor"),
        names.rejections: Role(compacted=False, least_bytes=BATCH_BYTES, read_by=""),
        names.outcomes: Role(compacted=False, least_bytes=REQUEST_BYTES, read_by="a monitor"),
        names.drift: Role(compacted=True, least_bytes=OUTPUT_BATCH_BYTES, read_by=""),
        names.clients: Role(
            compacted=True,
            least_bytes=REQUEST_BYTES,
            read_by="",
            deletions_kept_ms=DELETIONS_KEPT_SECONDS * 1000,
        ),
    }
