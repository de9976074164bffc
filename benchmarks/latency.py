"""Latency at a fixed rate: from just before a request is sent until its decision was read, in the client's process.

The client is librdkafka without linger. It sends on a fixed schedule whether decisions come or not (an open loop), so a
stalled worker makes every request that was due meanwhile late.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition
from numpy.typing import NDArray

from benchmarks.loans import requests
from benchmarks.outputs import DecisionFields, Reader
from benchmarks.report import Report, Verdict
from benchmarks.testbed import TOPICS, Testbed

WARM_UP_SECONDS = 15
WINDOW_SECONDS = 10
P50_MS, P99_MS = 8.0, 25.0
MAX_GROWTH = 0.1
"""Of the median, over the whole run."""


@dataclass(frozen=True)
class Latencies:
    """``ms``: latency of each request in the order of sending, ``rate`` a second; NaN: no decision came."""

    ms: NDArray[np.float64]
    rate: int

    def percentile(self, q: float) -> float:
        """The q-th percentile over the run; an unanswered request counts as infinitely late."""
        return float(np.percentile(np.nan_to_num(self.ms, nan=np.inf), q, method="higher"))

    def windows(self, seconds: int, q: float) -> list[float]:
        """The q-th percentile of each full window of this length."""
        size = seconds * self.rate
        return [Latencies(self.ms[i : i + size], self.rate).percentile(q) for i in range(0, len(self.ms), size)]

    def growth(self) -> float:
        """Rise over the run of the line fitted to the medians of ten-second windows, as a share of their median."""
        medians = self.windows(WINDOW_SECONDS, 50)
        if len(medians) < 3:
            return 0.0
        slope = np.polyfit(np.arange(len(medians)), medians, 1)[0]
        return float(slope * (len(medians) - 1) / np.median(medians))


class Client:
    """Sends requests on a schedule in one thread and reads decisions in another."""

    def __init__(self, testbed: Testbed, rate: int, seconds: int, start: list[int]) -> None:
        """``start``: by partition of the decision topic, the offset to read from."""
        self._rate = rate
        self._records = list(requests(testbed.book, rate * (seconds + WARM_UP_SECONDS)))
        self._sent = np.zeros(len(self._records))
        self._read = np.full(len(self._records), np.nan)
        common = {**testbed.librdkafka, "socket.nagle.disable": True}
        self._producer = Producer({**common, "linger.ms": 0})
        self._consumer = Consumer(
            {**common, "group.id": "bench", "enable.auto.commit": False, "fetch.wait.max.ms": testbed.fetch_wait_ms}
        )
        self._consumer.assign([TopicPartition(TOPICS.decisions, n, offset) for n, offset in enumerate(start)])

    def answered(self) -> int:
        """Requests whose decision was read."""
        return int(np.count_nonzero(~np.isnan(self._read)))

    def run(self) -> Latencies:
        """Send every request and wait at most ten seconds for the last decisions. The warm-up is not in the result."""
        done = threading.Event()
        reader = threading.Thread(target=self._read_until, args=(done,))
        reader.start()
        self._send_all()
        deadline = time.monotonic() + 10
        while self.answered() < len(self._records) and time.monotonic() < deadline:
            time.sleep(0.1)
        done.set()
        reader.join()
        self._producer.flush(10)
        self._consumer.close()
        return Latencies((self._read - self._sent)[WARM_UP_SECONDS * self._rate :] * 1000, self._rate)

    def _send_all(self) -> None:
        start = time.perf_counter()
        for n, (key, value) in enumerate(self._records):
            wait = start + n / self._rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            self._sent[n] = time.perf_counter()
            self._producer.produce(TOPICS.requests, value, key)
            self._producer.poll(0)

    def _read_until(self, done: threading.Event) -> None:
        decode = msgspec.json.Decoder(DecisionFields).decode
        while not done.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                now = time.perf_counter()
                self._read[int(decode(message.value()).request_id[1:])] = now


def measure(testbed: Testbed, rate: int, seconds: int, guarantee: str) -> Report:
    """``rate`` requests a second for ``seconds``, after a warm-up."""
    with testbed.worker("latency", guarantee) as worker, Reader(testbed, TOPICS.decisions) as reader:
        testbed.load(TOPICS.requests, 1, first=rate * (seconds + WARM_UP_SECONDS))  # none of those that are timed
        while not reader.more(0.1):  # until the worker has started and joined its group
            assert worker.poll() is None, f"the worker ended with status {worker.returncode}"
        latencies = Client(testbed, rate, seconds, reader.next_offsets).run()
    figures: dict[str, object] = {
        "guarantee": guarantee,
        "requests_per_second": rate,
        "seconds": seconds,
        "unanswered": int(np.count_nonzero(np.isnan(latencies.ms))),
        **{f"p{q:g}_ms": latencies.percentile(q) for q in (50, 90, 99, 99.9)},
        "p50_ms_by_minute": latencies.windows(60, 50),
        "p99_ms_by_minute": latencies.windows(60, 99),
        "growth_of_median": latencies.growth(),
    }
    promised = testbed.engine == "kafka" and guarantee == "at_least_once"  # Tansu waits out fetches, transactions cost
    return Report("latency", testbed.engine, figures, _verdicts(latencies, promised))


def _verdicts(latencies: Latencies, promised: bool) -> list[Verdict]:
    verdicts = [Verdict("growth of the median over the run", latencies.growth(), MAX_GROWTH, at_least=False)]
    if promised:
        verdicts.append(Verdict("p50 in ms", latencies.percentile(50), P50_MS, at_least=False))
        verdicts.append(Verdict("p99 in ms", latencies.percentile(99), P99_MS, at_least=False))
    return verdicts
