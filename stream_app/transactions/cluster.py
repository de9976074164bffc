"""The brokers: who leads a partition, who coordinates a group or a transactional id, and asking them.

A request that was refused for now is sent again. One that was not answered is sent again only if it may be done twice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import IntEnum
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, NodeNotReadyError
from kafka.protocol.metadata import (
    ApiVersionsRequest,
    ApiVersionsResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)

from stream_app.events import TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.errors import (
    ANOTHER_BROKER,
    ASK_AGAIN_SECONDS,
    UNSUPPORTED_VERSION,
    NoAnswer,
    NotSent,
    Refused,
    pause_seconds,
    raise_lasting,
    refusal,
)
from stream_app.transactions.wire import CLIENT_ID, Request


class Coordinates(IntEnum):
    """What a coordinator coordinates: Kafka's own numbers."""

    GROUP = 0
    TRANSACTION = 1


class Cluster:
    """For one event loop. Every call waits for as long as its caller lets it: give it a time limit."""

    def __init__(self, connection: KafkaConnection, *, request_timeout_seconds: float) -> None:
        """``request_timeout_seconds``: a broker that was silent for so long gets another connection."""
        self._client = AIOKafkaClient(
            **connection.for_aiokafka(),
            client_id=CLIENT_ID,
            request_timeout_ms=int(request_timeout_seconds * 1000),
        )
        self._coordinators: dict[tuple[Coordinates, str], int] = {}
        self.transaction_version = 0

    async def start(self) -> None:
        """Raises KafkaError when no broker answers."""
        await self._client.bootstrap()
        versions = ApiVersionsRequest(client_software_name=CLIENT_ID, client_software_version="1")
        answer = await self.ask(self._client.get_random_node(), Request(versions, ApiVersionsResponse, 3))
        features = {feature.name: feature.max_version_level for feature in answer.finalized_features or ()}
        self.transaction_version = features.get("transaction.version", 0)

    async def close(self) -> None:
        await self._client.close()

    @property
    def nodes(self) -> list[int]:
        """The brokers' ids."""
        return [broker.nodeId for broker in self._client.cluster.brokers()]

    async def ask(self, node: int, request: Request) -> Any:
        """One request, one answer.

        Raises NoAnswer, NotSent when the broker cannot be reached, and Refused when it is too old for the request.
        """
        try:
            return await self._client.send(node, request)
        except NodeNotReadyError as fault:
            raise NotSent from fault
        except IncompatibleBrokerVersion as fault:
            raise Refused(UNSUPPORTED_VERSION) from fault
        except (KafkaError, OSError) as fault:
            raise NoAnswer(type(fault).__name__) from fault

    async def ask_coordinator(
        self,
        what: Coordinates,
        key: str,
        request: Request,
        error_codes: Callable[[Any], Collection[int]],
        *,
        twice: bool = False,
    ) -> Any:
        """The coordinator's answer without an error.

        ``error_codes`` of an answer, 0 for none; ``twice``: the request may be repeated although it was perhaps done.
        Raises NoAnswer, and Refused for what does not pass by itself.
        """
        while True:
            try:
                answer = await self.ask(await self._coordinator(what, key), request)
            except (NoAnswer, NotSent) as fault:
                self._coordinators.pop((what, key), None)
                if not (twice or isinstance(fault, NotSent)):
                    raise
                await asyncio.sleep(ASK_AGAIN_SECONDS)
                continue
            codes = error_codes(answer)
            if not any(codes):
                return answer
            raise_lasting(codes)
            if ANOTHER_BROKER.intersection(codes):
                self._coordinators.pop((what, key), None)
            await asyncio.sleep(pause_seconds(codes))

    async def _coordinator(self, what: Coordinates, key: str) -> int:
        """Asking is also what makes the broker create the topic of the transactions on a fresh cluster."""
        if (what, key) not in self._coordinators:
            answer = await self._find_coordinator(what, key)
            if answer.error_code:
                raise_lasting([answer.error_code])
                raise NotSent(refusal(answer.error_code))
            self._coordinators[what, key] = answer.node_id
            if self._client.cluster.broker_metadata(answer.node_id) is None:
                await self._client.force_metadata_update()
        return self._coordinators[what, key]

    async def _find_coordinator(self, what: Coordinates, key: str) -> Any:
        message = FindCoordinatorRequest(key=key, key_type=what.value)
        try:
            return await self.ask(self._client.get_random_node(), Request(message, FindCoordinatorResponse, 2))
        except NoAnswer as fault:  # to the question; what it is asked for was not sent
            raise NotSent from fault

    async def by_leader(self, partitions: Iterable[TopicPartition]) -> Mapping[int, list[TopicPartition]]:
        """These partitions by their leaders' ids; those without one are asked for again and again."""
        led: dict[int, list[TopicPartition]] = defaultdict(list)
        for tp in partitions:
            while (node := self._leader(tp)) is None:
                await self._client.force_metadata_update()
                await asyncio.sleep(ASK_AGAIN_SECONDS if self._leader(tp) is None else 0)
            led[node].append(tp)
        return led

    def _leader(self, tp: TopicPartition) -> int | None:
        self._client.add_topic(tp.topic)
        node = self._client.cluster.leader_for_partition(tp)
        return None if node in (None, -1) else node

    async def pass_over(self, codes: Collection[int]) -> None:
        """Wait for as long as what was refused for now may take, and ask anew who leads what."""
        if codes:
            await asyncio.sleep(pause_seconds(codes))
        if ANOTHER_BROKER.intersection(codes):
            await self._client.force_metadata_update()
