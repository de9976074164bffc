"""Whatever producers send, in whatever codec: each request gets its one output, and the stream goes on."""

from __future__ import annotations

import gzip
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode

from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames
from tests.builders.record_batches import batch, framed, produce
from tests.builders.scorer_requests import good
from tests.servers.deployment import PARTITIONS, Deployment, Source, headers_of, source_of
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.kafka]

CODECS: dict[str, tuple[int, Callable[[bytes], Any]]] = {
    "gzip": (1, gzip.compress), "snappy": (2, snappy_encode), "lz4": (3, lz4_encode),
    "zstd": (4, zstd_encode),
}  # fmt: skip
MIB = 1024 * 1024


@pytest.fixture
def deployment(kafka_broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    """On topics made with Kafka's own defaults, which keep what producers compressed as it came."""
    names = TopicNames.prefixed(unique_prefix)
    with admin_client(KafkaConnection(kafka_broker.bootstrap)) as admin:
        admin.create_topics({name: {"num_partitions": PARTITIONS, "replication_factor": 1} for name in names.all()})
    made = Deployment.on(kafka_broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


def send(deployment: Deployment, partition: int, records: list[bytes], codec: str | None = None) -> list[Source]:
    number, compress = CODECS[codec] if codec else (0, bytes)
    body = bytes(compress(b"".join(records)))
    sent = batch(records, number, body, at_ms=int(time.time() * 1000))
    offset = produce(deployment.bootstrap, deployment.names.requests, partition, sent)
    return [(partition, offset + number) for number in range(len(records))]


def fine(request_id: str, delta: int = 0) -> bytes:
    return framed(delta, b"7", good("7", request_id))


def test_requests_in_every_codec_are_decided(deployment: Deployment) -> None:
    sources = [
        source for codec in CODECS for source in send(deployment, 1, [fine(f"{codec}-{n}", n) for n in range(3)], codec)
    ]
    deployment.start()
    assert set(deployment.answered(sources).values()) == {1}
    decided = {source_of(record) for record in deployment.read(deployment.names.decisions)}
    assert decided == set(sources)


def test_what_cannot_be_read_is_rejected_by_its_offset_and_the_rest_goes_on(deployment: Deployment) -> None:
    """A header's name that is not UTF-8, among others; a bomb of 64 MiB in 64 kB."""
    odd = framed(1, b"7", good("7", "odd"), [(b"\xff\xfe", b"x")])
    bomb = framed(0, b"7", b" " * (64 * MIB))
    sources = send(deployment, 2, [fine("before"), odd, fine("after", 2)])
    sources += send(deployment, 2, [bomb], "gzip")
    sources += send(deployment, 2, [fine("last")])
    worker = deployment.start()
    assert set(deployment.answered(sources).values()) == {1}
    rejected = {source_of(record): record for record in deployment.read(deployment.names.rejections)}
    assert set(rejected) == {sources[1], sources[3]}
    assert {headers_of(record)["rejection-reason"] for record in rejected.values()} == {b"unreadable"}
    assert (rejected[sources[1]].key, rejected[sources[1]].value) == (b"7", good("7", "odd"))
    assert worker.metric('rejections_total{reason="unreadable"}') == 2


def test_decided_ids_are_restored_from_a_topic_with_odd_records(deployment: Deployment) -> None:
    """Somebody else's record on the decision topic, and decisions that the topic compresses by itself."""
    first = deployment.start()
    sources = send(deployment, 1, [fine("once")])
    deployment.answered(sources)
    odd = batch([framed(0, b"7", b"{}", [(b"\xff", b"x")])], at_ms=int(time.time() * 1000))
    produce(deployment.bootstrap, deployment.names.decisions, 1, odd)
    first.end(signal.SIGTERM)
    second = deployment.start()
    send(deployment, 1, [fine("once")])
    wait_until(lambda: second.metric("repeated_requests_total") == 1, "the repeat is known")
