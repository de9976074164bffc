"""The transactions of one transactional id, one after the other.

Version 2 of the protocol (KIP-890): the end of each transaction is answered with the epoch of the next, so a request of
an earlier one that arrives late is refused. In version 1 only :meth:`TransactionalProducer.fence` changes the epoch;
that is safe as long as it is called after every request that was not answered, before anything else is sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stream_app.events import Offsets, TopicPartition
from stream_app.transactions import requests
from stream_app.transactions.batches import Batch, Record, batches
from stream_app.transactions.cluster import Cluster, Coordinates
from stream_app.transactions.errors import DUPLICATE_SEQUENCE, raise_lasting
from stream_app.transactions.requests import Member, Producer, Versions
from stream_app.transactions.wire import Request


class TransactionalProducer:
    """A transaction: :meth:`publish`, :meth:`add_offsets`, :meth:`commit`.

    Every step raises NoAnswer or Refused; after that the only right one is :meth:`fence`. It does not tell what became
    of the transaction: the committed offsets do.
    """

    def __init__(self, cluster: Cluster, transactional_id: str, *, transaction_seconds: float) -> None:
        """``transaction_seconds``: the broker aborts what is open for longer."""
        self.id = transactional_id
        self._cluster, self._transaction_ms = cluster, int(transaction_seconds * 1000)
        self._who = Producer(transactional_id)
        self._sequences: dict[TopicPartition, int] = defaultdict(int)
        self._added: set[TopicPartition] = set()

    @property
    def _has_epochs(self) -> bool:
        """Whether each transaction has one of its own."""
        return self._cluster.transaction_version >= 2

    @property
    def _versions(self) -> Versions:
        return requests.V2 if self._has_epochs else requests.V1

    async def fence(self) -> None:
        """End what any producer of this id left open: what it was committing is committed, the rest aborted."""
        request = requests.init_producer_id(self._who, self._transaction_ms, self._versions)
        answer = await self._ask(request, twice=True)
        self._who = Producer(self.id, answer.producer_id, answer.producer_epoch)
        self._sequences.clear()
        self._added.clear()

    async def publish(self, records: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Returns when every record is on all replicas in sync."""
        waiting = {tp: list(self._batches(tp, run)) for tp, run in records.items() if run}
        await self._add(waiting)
        while waiting:
            await self._produce({tp: run.pop(0).data for tp, run in waiting.items()})
            waiting = {tp: run for tp, run in waiting.items() if run}

    def _batches(self, tp: TopicPartition, records: Sequence[Record]) -> Iterator[Batch]:
        for batch in batches(records, self._who, self._sequences[tp], created_ms=int(time.time() * 1000)):
            self._sequences[tp] += batch.records
            yield batch

    async def _add(self, partitions: Mapping[TopicPartition, Any]) -> None:
        new = partitions.keys() - self._added
        if new and not self._has_epochs:
            await self._ask(requests.add_partitions(self._who, new))
            self._added |= new

    async def _produce(self, heads: Mapping[TopicPartition, bytes]) -> None:
        """One batch a partition. What is refused for now is sent again, to whoever leads the partition by then."""
        while heads:
            led = await self._cluster.by_leader(heads)
            answers = await asyncio.gather(*(self._produce_to(node, tps, heads) for node, tps in led.items()))
            refused = {tp: code for answer in answers for tp, code in answer.items() if code != DUPLICATE_SEQUENCE}
            raise_lasting(refused.values())
            await self._cluster.pass_over(refused.values())
            heads = {tp: heads[tp] for tp in refused}

    async def _produce_to(
        self, node: int, partitions: Sequence[TopicPartition], heads: Mapping[TopicPartition, bytes]
    ) -> dict[TopicPartition, int]:
        batches = {tp: heads[tp] for tp in partitions}
        answer = await self._cluster.ask(
            node, requests.produce(self._who, batches, self._transaction_ms, self._versions)
        )
        return requests.refused(answer)

    async def add_offsets(self, offsets: Offsets, member: Member) -> None:
        """Make these the group's offsets if and when the transaction commits.

        Raises Fenced when the group goes on without this member, or in a later generation.
        """
        if not self._has_epochs:
            await self._ask(requests.add_group(self._who, member.group))
        request = requests.commit_offsets(self._who, offsets, member, self._versions)
        await self._cluster.ask_coordinator(Coordinates.GROUP, member.group, request, requests.error_codes)

    async def commit(self) -> None:
        """Returns when the coordinator has decided; readers see it once the markers are written."""
        answer = await self._ask(requests.end(self._who, self._versions))
        if self._has_epochs:
            self._who = Producer(self.id, answer.producer_id, answer.producer_epoch)
            self._sequences.clear()
        self._added.clear()

    async def _ask(self, request: Request, *, twice: bool = False) -> Any:
        return await self._cluster.ask_coordinator(
            Coordinates.TRANSACTION, self.id, request, requests.error_codes, twice=twice
        )
