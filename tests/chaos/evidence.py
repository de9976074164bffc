"""What the brokers hold after a run, partition by partition, as a reader that comes afterwards sees it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition

from stream_app.errors import StreamAppError
from tests.chaos.oracle import Partition
from tests.chaos.stage import PARTITIONS, Stage
from tests.chaos.watcher import consumer
from tests.servers.waiting import wait_until

DRAIN_SECONDS = 120.0
READ_SECONDS = 60.0


def drained(stage: Stage) -> float:
    """Stop the traffic and wait until the group has committed all of it, or long enough; the seconds it took."""
    stage.traffic.pause()
    since = time.monotonic()
    with contextlib.suppress(AssertionError):  # the oracle will say it, with the numbers
        wait_until(lambda: _all_committed(stage), "everything is committed", DRAIN_SECONDS)
    return time.monotonic() - since


def _all_committed(stage: Stage) -> bool:
    try:
        return committed_offsets(stage) == end_offsets(stage)
    except StreamAppError:
        return False


def committed_offsets(stage: Stage) -> dict[int, int]:
    """Of the scorers' group, by input partition."""
    with stage.cluster.admin() as admin:
        [(_, offsets)] = admin.list_group_offsets({stage.group: None}).items()
    return {tp.partition: at.offset for tp, at in offsets.items() if tp.topic == stage.names.requests}


def end_offsets(stage: Stage) -> dict[int, int]:
    """Of the requests, by partition."""
    reader = consumer(stage.cluster.bootstrap)
    try:
        partitions = [TopicPartition(stage.names.requests, number) for number in range(PARTITIONS)]
        return {tp.partition: end for tp, end in reader.end_offsets(partitions).items()}
    finally:
        reader.close()


def partitions(stage: Stage) -> Iterator[Partition]:
    """Read one after the other: the whole run need not fit into memory."""
    committed, ends = committed_offsets(stage), end_offsets(stage)
    names = stage.names
    for number in range(PARTITIONS):
        topics = (names.requests, names.decisions, names.rejections)
        requests, decisions, rejections = (read_all(stage.cluster.bootstrap, topic, number) for topic in topics)
        yield Partition(
            number=number,
            requests=requests,
            decisions=decisions,
            rejections=rejections,
            concurrent={topic: stage.watcher.seen[topic, number] for topic in topics[1:]},
            acknowledged=stage.traffic.acknowledged(number),
            committed=committed.get(number, 0),
            end=ends[number],
        )


def read_all(bootstrap: str, topic: str, partition: int) -> list[Any]:
    """Every committed record of one partition, in order."""
    reader = consumer(bootstrap)
    here = TopicPartition(topic, partition)
    found: list[Any] = []
    try:
        reader.assign([here])
        reader.seek_to_beginning(here)
        end = reader.end_offsets([here])[here]
        deadline = time.monotonic() + READ_SECONDS
        while reader.position(here) < end:
            fetched = reader.poll(timeout_ms=500, max_records=5_000)
            found.extend(fetched.get(here, ()))
            deadline = time.monotonic() + READ_SECONDS if fetched else deadline
            assert time.monotonic() < deadline, f"{topic} {partition} ends at {end}, reading stuck at {len(found)}"
    finally:
        reader.close()
    return found
