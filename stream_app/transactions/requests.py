"""The requests of a transaction, as kafka-python's messages.

The version says more than the fields: from :data:`V2` on the broker adds partitions to the transaction by itself and
ends it with the next epoch (KIP-890). So a request is never sent in a version of the other protocol.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kafka.protocol import producer as messages

from stream_app.events import Offsets, TopicPartition
from stream_app.transactions.wire import Request

ACKNOWLEDGED_BY_ALL = -1
NONE = -1


class Versions(NamedTuple):
    """Which version of each request to send."""

    init_producer_id: int
    produce: int
    commit_offsets: int
    end: int


V1 = Versions(init_producer_id=4, produce=9, commit_offsets=3, end=3)  # Kafka 3.0 and later
V2 = Versions(init_producer_id=5, produce=12, commit_offsets=5, end=5)  # Kafka 4.0 and later
ADD_TO_V1 = 3


class Member(NamedTuple):
    """A member of a consumer group, as of one generation: it alone may commit offsets of its partitions then."""

    group: str
    generation: int
    member_id: str
    instance_id: str | None = None


class Producer(NamedTuple):
    """Who asks: a transactional id, and what the broker knows its newest producer by."""

    transactional_id: str
    producer_id: int = NONE
    epoch: int = NONE


def init_producer_id(who: Producer, transaction_ms: int, versions: Versions) -> Request:
    """Fences every producer of the id and gives the next one."""
    message = messages.InitProducerIdRequest(
        transactional_id=who.transactional_id,
        transaction_timeout_ms=transaction_ms,
        producer_id=NONE,
        producer_epoch=NONE,
    )
    return Request(message, messages.InitProducerIdResponse, versions.init_producer_id)


def add_partitions(who: Producer, partitions: Iterable[TopicPartition]) -> Request:
    """Version 1: before anything is written there."""
    topic_message = messages.AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
    message = messages.AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=who.transactional_id,
        v3_and_below_producer_id=who.producer_id,
        v3_and_below_producer_epoch=who.epoch,
        v3_and_below_topics=[
            topic_message(name=topic, partitions=numbers) for topic, numbers in by_topic(partitions).items()
        ],
    )
    return Request(message, messages.AddPartitionsToTxnResponse, ADD_TO_V1)


def add_group(who: Producer, group: str) -> Request:
    """Version 1: before offsets are committed there."""
    message = messages.AddOffsetsToTxnRequest(
        transactional_id=who.transactional_id, producer_id=who.producer_id, producer_epoch=who.epoch, group_id=group
    )
    return Request(message, messages.AddOffsetsToTxnResponse, ADD_TO_V1)


def produce(who: Producer, batches: Mapping[TopicPartition, bytes], timeout_ms: int, versions: Versions) -> Request:
    """One record batch a partition, acknowledged by all replicas in sync."""
    topic_message = messages.ProduceRequest.TopicProduceData
    partition_message = topic_message.PartitionProduceData
    message = messages.ProduceRequest(
        transactional_id=who.transactional_id,
        acks=ACKNOWLEDGED_BY_ALL,
        timeout_ms=timeout_ms,
        topic_data=[
            topic_message(
                name=topic,
                partition_data=[
                    partition_message(index=number, records=batches[TopicPartition(topic, number)])
                    for number in numbers
                ],
            )
            for topic, numbers in by_topic(batches).items()
        ],
    )
    return Request(message, messages.ProduceResponse, versions.produce)


def commit_offsets(who: Producer, offsets: Offsets, member: Member, versions: Versions) -> Request:
    """With the generation, so that the group refuses a member that it goes on without (KIP-447)."""
    topic_message = messages.TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
    partition_message = topic_message.TxnOffsetCommitRequestPartition
    message = messages.TxnOffsetCommitRequest(
        transactional_id=who.transactional_id,
        group_id=member.group,
        producer_id=who.producer_id,
        producer_epoch=who.epoch,
        generation_id=member.generation,
        member_id=member.member_id,
        group_instance_id=member.instance_id,
        topics=[
            topic_message(
                name=topic,
                partitions=[
                    partition_message(
                        partition_index=number,
                        committed_offset=offsets[TopicPartition(topic, number)],
                        committed_leader_epoch=NONE,
                        committed_metadata="",
                    )
                    for number in numbers
                ],
            )
            for topic, numbers in by_topic(offsets).items()
        ],
    )
    return Request(message, messages.TxnOffsetCommitResponse, versions.commit_offsets)


def end(who: Producer, versions: Versions) -> Request:
    """Commits."""
    message = messages.EndTxnRequest(
        transactional_id=who.transactional_id, producer_id=who.producer_id, producer_epoch=who.epoch, committed=True
    )
    return Request(message, messages.EndTxnResponse, versions.end)


def error_codes(answer: Any) -> list[int]:
    """Every error code of an answer to one of these, or to a question for offsets."""
    if hasattr(answer, "topics"):
        of_partitions = [partition.error_code for topic in answer.topics for partition in topic.partitions]
        return [getattr(answer, "error_code", 0), *of_partitions]
    if hasattr(answer, "resultsby_topic_v3_and_below"):
        results = answer.resultsby_topic_v3_and_below
        return [partition.partition_error_code for topic in results for partition in topic.results_by_partition]
    return [answer.error_code]


def refused(answer: Any) -> dict[TopicPartition, int]:
    """The error codes of what a broker did not write."""
    return {
        TopicPartition(topic.name, partition.index): partition.error_code
        for topic in answer.responses
        for partition in topic.partition_responses
        if partition.error_code
    }


def by_topic(partitions: Iterable[TopicPartition]) -> Mapping[str, list[int]]:
    """The numbers of these partitions by topic, as Kafka's messages have them."""
    topics: dict[str, list[int]] = defaultdict(list)
    for tp in partitions:
        topics[tp.topic].append(tp.partition)
    return topics
