"""What a consumer group knows: its members, the offsets it committed, and transactions that its members left open.

Transactional ids are GROUP.MEMBER.TURN, so that whoever takes partitions over can tell whose an open transaction is.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from kafka.protocol import admin, consumer

from stream_app.events import Offsets, TopicPartition
from stream_app.transactions.cluster import Cluster, Coordinates
from stream_app.transactions.errors import ASK_AGAIN_SECONDS, NoAnswer, NotSent, raise_lasting
from stream_app.transactions.requests import Member, by_topic, error_codes
from stream_app.transactions.wire import Request

log = logging.getLogger(__name__)

STABLE_OFFSETS = 7  # OffsetFetch: with RequireStable
NOT_COMMITTED = -1
LIST_SECONDS = 1.0
"""For each broker; one that hangs must not hold up a takeover."""
OPEN_STATES = ["Ongoing", "PrepareCommit", "PrepareAbort"]


def transactional_id(member: Member, turn: int) -> str:
    """Two members never have the same, whatever dots are in the names of groups."""
    return f"{member.group}.{name_of(member.member_id, member.instance_id)}.{turn}"


def name_of(member_id: str, instance_id: str | None) -> str:
    """Of a static member that of its slot, so that whoever is started in it fences what was there before."""
    return (f"slot-{instance_id}" if instance_id else member_id).replace(".", "-")


async def committed_offsets(
    cluster: Cluster, group: str, partitions: Iterable[TopicPartition], *, stable: bool = True
) -> Offsets:
    """The committed offsets, none where none was committed.

    ``stable``: wait until no transaction is pending that may still change them.
    """
    topic_message = consumer.OffsetFetchRequest.OffsetFetchRequestTopic
    message = consumer.OffsetFetchRequest(
        group_id=group,
        topics=[
            topic_message(name=topic, partition_indexes=numbers) for topic, numbers in by_topic(partitions).items()
        ],
        require_stable=stable,
    )
    request = Request(message, consumer.OffsetFetchResponse, STABLE_OFFSETS)
    answer = await cluster.ask_coordinator(Coordinates.GROUP, group, request, error_codes, twice=True)
    return {
        TopicPartition(topic.name, partition.partition_index): partition.committed_offset
        for topic in answer.topics
        for partition in topic.partitions
        if partition.committed_offset != NOT_COMMITTED
    }


async def members(cluster: Cluster, group: str) -> set[str]:
    """The names of the group's members, as they are in transactional ids."""
    request = Request(admin.DescribeGroupsRequest(groups=[group]), admin.DescribeGroupsResponse, 5)
    answer = await cluster.ask_coordinator(Coordinates.GROUP, group, request, _group_errors, twice=True)
    return {
        name_of(member.member_id, member.group_instance_id)
        for described in answer.groups
        for member in described.members
    }


async def open_transactions(cluster: Cluster, group: str) -> list[str]:
    """The ids of the group's transactions that are not over, of all members there ever were.

    A broker that is away is passed over: another coordinates its transactions soon. If one of them is missed so, it
    holds its readers until it times out; the offsets in it are waited for.
    """
    found = await asyncio.gather(*(_open_on(cluster, node) for node in cluster.nodes))
    return list(of_group(group, itertools.chain(*found)))


async def _open_on(cluster: Cluster, node: int) -> list[str]:
    message = admin.ListTransactionsRequest(state_filters=OPEN_STATES, producer_id_filters=[])
    try:
        async with asyncio.timeout(LIST_SECONDS):
            while True:
                answer = await cluster.ask(node, Request(message, admin.ListTransactionsResponse, 0))
                raise_lasting([answer.error_code])
                if not answer.error_code:
                    return [state.transactional_id for state in answer.transaction_states]
                await asyncio.sleep(ASK_AGAIN_SECONDS)  # it still loads those of a broker that went away
    except (NotSent, NoAnswer, TimeoutError) as fault:
        log.warning("broker %d does not tell which transactions are open (%s)", node, type(fault).__name__)
        return []


def of_group(group: str, transactional_ids: Iterable[str]) -> Iterator[str]:
    """Those that members of this group have."""
    for each in transactional_ids:
        owner, *names = each.rsplit(".", 2)
        if owner == group and len(names) == 2 and names[1].isdecimal():
            yield each


def abandoned(transactional_ids: Collection[str], living: Collection[str]) -> list[str]:
    """Those of members that are in the group no more."""
    return [each for each in transactional_ids if each.rsplit(".", 2)[1] not in living]


def _group_errors(answer: Any) -> list[int]:
    return [group.error_code for group in answer.groups]
