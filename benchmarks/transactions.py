"""A transaction of one record and one offset on each of four partitions, back to back: ours, aiokafka's and Java's.

Every contestant has the same broker and takes turns in short runs, so that what disturbs one disturbs all. The Java
client runs in a process of its own, which is warmed up first, with one transactional id and with two in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition as Position

from benchmarks.report import Report, Verdict
from benchmarks.testbed import PARTITIONS, Testbed
from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import find_java
from stream_app.events import Output, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.requests import Member
from stream_app.transactions.turns import GroupTransactions

CONSUMED, MADE = "bench.consumed", "bench.made"
VALUE = b"x" * 600
RUN, WARM_UP = 100, 1000
OURS, AIOKAFKA = "ours", "aiokafka"
JAVA_IDS = {"java": 1, "java_two_ids": 2}
SOURCE = Path(__file__).with_name("Txn.java")

Measure = Callable[[int], Awaitable[list[float]]]
"""The milliseconds of so many transactions, one after the other."""


def measure(testbed: Testbed, rounds: int) -> Report:
    """Each contestant ``10 * rounds`` times :data:`RUN` transactions, after a warm-up."""
    testbed.create_topics(CONSUMED, MADE)
    javac = shutil.which("javac")
    with java_client(testbed, javac) if javac else contextlib.nullcontext() as java:
        runs = asyncio.run(_take_turns(testbed, java, 10 * rounds))
    figures: dict[str, object] = {"transactions": 10 * rounds * RUN, "partitions": PARTITIONS}
    for name in (OURS, *JAVA_IDS, AIOKAFKA):
        for q in (50, 99):
            figures[f"{name}_p{q}_ms"] = float(np.percentile(runs[name], q)) if name in runs else None
    medians = {name: np.percentile(np.median(taken, axis=1), (0, 50, 100)).tolist() for name, taken in runs.items()}
    figures["medians_of_runs_ms"] = {
        name: dict(zip(("least", "median", "most"), of_it, strict=True)) for name, of_it in medians.items()
    }
    if not javac:
        return Report("transactions", testbed.engine, {**figures, "java": "not measured: no javac (a JDK) on the PATH"})
    ratio = float(np.median(np.median(runs[OURS], axis=1) / np.median(runs["java_two_ids"], axis=1)))
    promise = "of the Java client's median with as many ids, median of the runs"
    return Report("transactions", testbed.engine, figures, [Verdict(promise, ratio, 1.0, at_least=False)])


async def _take_turns(testbed: Testbed, java: JavaClient | None, turns: int) -> dict[str, list[list[float]]]:
    async with _ours(testbed) as ours, _aiokafka(testbed) as by_aiokafka:
        contestants: dict[str, Measure] = {OURS: ours, AIOKAFKA: by_aiokafka}
        if java is not None:
            contestants |= {name: partial(java.measure, ids) for name, ids in JAVA_IDS.items()}
        for measure_one in contestants.values():
            await measure_one(WARM_UP)
        runs: dict[str, list[list[float]]] = {name: [] for name in contestants}
        for _ in range(turns):
            for name, measure_one in contestants.items():
                runs[name].append(await measure_one(RUN))
    return runs


async def _timed(transaction: Callable[[int], Awaitable[None]], count: int) -> list[float]:
    """The milliseconds of each; it is told its number."""
    ms = []
    for number in range(count):
        began = time.perf_counter()
        await transaction(number)
        ms.append((time.perf_counter() - began) * 1000)
    return ms


@contextlib.asynccontextmanager
async def _ours(testbed: Testbed) -> AsyncIterator[Measure]:
    consumed = [TopicPartition(CONSUMED, number) for number in range(PARTITIONS)]
    records = {TopicPartition(MADE, number): [Output(False, b"k", VALUE, [])] for number in range(PARTITIONS)}
    transactions = GroupTransactions(  # of nobody: such a group takes offsets without a generation
        Member("bench-ours", -1, ""), connection=KafkaConnection(testbed.bootstrap), timeout_seconds=60
    )
    await transactions.take_over(consumed)

    async def transaction(number: int) -> None:
        await transactions.publish(records)
        await transactions.add_offsets(dict.fromkeys(consumed, number))
        await transactions.commit()

    yield partial(_timed, transaction)
    await transactions.discard()


@contextlib.asynccontextmanager
async def _aiokafka(testbed: Testbed) -> AsyncIterator[Measure]:
    consumed = [Position(CONSUMED, number) for number in range(PARTITIONS)]
    producer = AIOKafkaProducer(bootstrap_servers=testbed.bootstrap, transactional_id="bench-aiokafka")
    await producer.start()

    async def transaction(number: int) -> None:
        async with producer.transaction():
            sent = [await producer.send(MADE, VALUE, partition=partition) for partition in range(PARTITIONS)]
            await asyncio.gather(*sent)
            await producer.send_offsets_to_transaction(dict.fromkeys(consumed, number), "bench-aiokafka")

    yield partial(_timed, transaction)
    await producer.stop()


class JavaClient:
    """``Txn.java``, which is asked line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    async def measure(self, ids: int, count: int) -> list[float]:
        """The milliseconds of so many transactions with 1 or 2 transactional ids in turn."""
        return await asyncio.to_thread(self._ask, f"{ids} {count}\n")

    def _ask(self, order: str) -> list[float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order)
        self._process.stdin.flush()
        return list(json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def java_client(testbed: Testbed, javac: str) -> Iterator[JavaClient]:
    """Compiled against the broker's own jars."""
    jars = f"{kafka_jars(print)}/*"
    subprocess.run([javac, "-Xlint:-removal", "-cp", jars, "-d", str(testbed.folder), str(SOURCE)], check=True)
    command = [find_java().path, "-cp", f"{jars}:{testbed.folder}", "Txn", testbed.bootstrap]
    arguments = [CONSUMED, MADE, str(PARTITIONS), str(len(VALUE))]
    with subprocess.Popen(
        [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield JavaClient(process)
