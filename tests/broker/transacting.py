"""Transactions of a group that is on no worker's side: its topics, whole transactions, and their frames on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from aiokafka.conn import AIOKafkaConnection
from kafka import KafkaConsumer
from kafka import TopicPartition as Position
from kafka.protocol.producer import EndTxnResponse, ProduceResponse, TxnOffsetCommitResponse

from stream_app.broker import Broker
from stream_app.events import Output, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions import requests
from stream_app.transactions.requests import Member
from stream_app.transactions.turns import GroupTransactions
from stream_app.transactions.wire import Request
from tests.chaos.late_requests import frame_of

ANSWERS = {26: (EndTxnResponse, 5), 0: (ProduceResponse, 12), 28: (TxnOffsetCommitResponse, 5)}
PARTITIONS = 2


class Topics(NamedTuple):
    """An input and an output topic, and the group that reads the one."""

    consumed: str
    made: str
    group: str

    @property
    def inputs(self) -> list[TopicPartition]:
        return [TopicPartition(self.consumed, number) for number in range(PARTITIONS)]

    def outputs(self, *values: bytes) -> dict[TopicPartition, list[Output]]:
        records = [Output(False, b"k", value, [("h", b"1")]) for value in values]
        return {TopicPartition(self.made, number): records for number in range(PARTITIONS)}

    def offsets(self, offset: int) -> dict[TopicPartition, int]:
        return dict.fromkeys(self.inputs, offset)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


def transactions(broker: Broker, topics: Topics, member_id: str = "one") -> GroupTransactions:
    """Of a member that never joined: such a group takes offsets without a generation."""
    member = Member(topics.group, -1, member_id)
    made = GroupTransactions(member, connection=KafkaConnection(broker.bootstrap), timeout_seconds=30)
    made._member = member._replace(member_id="")
    return made


async def one(of: GroupTransactions, topics: Topics, number: int) -> None:
    """The ``number``-th transaction, whole."""
    await of.publish(topics.outputs(b"%d" % number))
    await of.add_offsets(topics.offsets(number))
    await of.commit()


def committed(broker: Broker, topics: Topics) -> list[bytes]:
    """What a read_committed reader has of partition 0 up to the end that it is shown."""
    reader = KafkaConsumer(bootstrap_servers=broker.bootstrap, isolation_level="read_committed")
    partition = Position(topics.made, 0)
    reader.assign([partition])
    reader.seek_to_beginning(partition)
    end, values = reader.end_offsets([partition])[partition], []
    while reader.position(partition) < end:
        values += [record.value for records in reader.poll(200).values() for record in records]
    reader.close()
    return values


class Wire:
    """Keeps the frames of this process's transactions, so that the broker can get them once more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: dict[int, bytes] = {}
        send = AIOKafkaConnection.send

        def kept(connection: Any, request: Any, expect_response: bool = True) -> Any:
            if isinstance(request, Request):
                self.keep(request)
            return send(connection, request, expect_response)

        monkeypatch.setattr(AIOKafkaConnection, "send", kept)

    def keep(self, request: Request) -> None:
        frame = frame_of(request)
        self.frames[struct.unpack(">h", frame[4:6])[0]] = frame

    def once_more(self, broker: Broker, key: int, version: int | None = None) -> list[int]:
        """The error codes with which the broker answers the last request of this kind when it comes again."""
        host, port = broker.bootstrap.split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(self.frames[key])
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            answer, newest = ANSWERS[key]
            decoded = answer.decode(_exactly(connection, size), version=version or newest, header=True)
        return list(requests.refused(decoded).values()) if key == 0 else requests.error_codes(decoded)


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += connection.recv(size - len(received))
    return received
