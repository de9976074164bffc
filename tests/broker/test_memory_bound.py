"""However much lies on the topic, a scorer holds a bounded part of it: the bound the docs state, as a hard limit."""

from __future__ import annotations

import asyncio
import logging
import re
import resource
import signal
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from stream_app.settings import WorkerSettings
from stream_app.topics import OUTPUT_BATCH_BYTES
from stream_app.transport import BatchOptions
from tests.builders.scorer_requests import CLIENTS, good
from tests.servers.deployment import PARTITIONS, Deployment, Worker
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.kafka]

log = logging.getLogger(__name__)

MIB = 1024 * 1024
ID = "r%09d"
AT_ONCE = 16
"""Batches of each partition under way to the broker."""


def growth_bytes(request_bytes: int) -> int:
    """What a worker may hold beyond what it holds at rest; see docs/how-to/run-the-services.md, *Memory*."""
    settings = WorkerSettings()
    fetched = 2 * BatchOptions(frozenset(), 0.5).max_partition_fetch_bytes * PARTITIONS
    polls = 3 * settings.max_poll_records * (request_bytes + 8 * 1024)
    remembered = 512 * settings.remembered_ids * PARTITIONS
    return fetched + polls + remembered


def held(worker: Worker, what: str) -> int:
    """A figure in bytes from ``/proc/PID/status``: VmHWM, the most that was ever resident; VmData, what is limited."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    [kib] = re.findall(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kib) * 1024


def seen(worker: Worker) -> float:
    """Requests of the backlog that are done or known to be left."""
    return worker.metric("requests_total") + worker.metric("consumer_lag_records")


async def load(kafka_deployment: Deployment, count: int, padding: int) -> None:
    """``count`` requests, the same on each partition, each with an id of its own there."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka_deployment.bootstrap, max_batch_size=OUTPUT_BATCH_BYTES)
    await producer.start()
    try:
        batches = _batches(producer, _values(count // PARTITIONS, padding))
        while some := list(islice(batches, AT_ONCE)):
            sent = [
                await producer.send_batch(batch, kafka_deployment.names.requests, partition=partition)
                for batch in some
                for partition in range(PARTITIONS)
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


def _values(count: int, padding: int) -> Iterator[tuple[bytes, bytes]]:
    templates = [(each.encode(), good(each, ID)[:-1] + b" " * padding + b"}") for each in CLIENTS]
    for number, (key, template) in zip(range(count), cycle(templates), strict=False):
        yield key, template.replace(ID.encode(), ID.encode() % number)


def _batches(producer: AIOKafkaProducer, values: Iterator[tuple[bytes, bytes]]) -> Iterator[Any]:
    """Full batches, and what is left in the last."""
    batch = producer.create_batch()
    for key, value in values:
        if batch.append(key=key, value=value, timestamp=None) is None:
            yield batch
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    yield batch


@pytest.mark.parametrize(("count", "padding"), [(1_000_000, 0), (20_000, 16 * 1024)], ids=["many", "large"])
def test_a_backlog_is_worked_off_within_the_stated_memory(
    count: int, padding: int, kafka_deployment: Deployment
) -> None:
    resting = kafka_deployment.start()
    at_rest, data = held(resting, "VmHWM"), held(resting, "VmData")
    assert resting.end(signal.SIGTERM) == 0
    asyncio.run(load(kafka_deployment, count, padding))
    growth = growth_bytes(len(good("199", ID)) + padding)
    worker = kafka_deployment.start(ready=False)
    resource.prlimit(worker.process.pid, resource.RLIMIT_DATA, (data + growth, data + growth))
    # The lag is measured once a second, in which the large ones may all be done.
    wait_until(lambda: seen(worker) > 0.9 * count, "the worker sees the backlog")
    wait_until(lambda: worker.metric("requests_total") >= min(count, 300_000), "it works it off", 60)
    most = held(worker, "VmHWM")
    told = f"at rest {at_rest / MIB:.0f} MiB, at most {most / MIB:.0f}, allowed {(at_rest + growth) / MIB:.0f}"
    log.info("%s requests: %s", f"{count:,}", told)
    assert worker.metric("rejections_total") == 0
    assert most < at_rest + growth, told
