"""One contestant on its backlog: started as a child process, its decisions read and checked."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass, field

from confluent_kafka import Message

from benchmarks.contestants.harness import Options
from benchmarks.outputs import READ_SECONDS, Outputs, Reader
from benchmarks.testbed import TOPICS, Testbed

STALL_SECONDS, QUIET_SECONDS = 60.0, 1.0
OURS = "ours"
REMEMBERED_SECONDS = 1.0
"""Every round decides the same requests. They must not count as repeats, so the product remembers a decided id for one
second only, less than a worker takes to start. Deduplication has its usual cost: up to 10,000 ids are held as well."""


@dataclass(frozen=True)
class Contestant:
    """``module``: run as a child process. ``share``: its part of the backlog. ``floor``: the product must be this many
    times as fast. ``guarantee``: set if the contestant is the product, run with this guarantee."""

    name: str
    label: str
    module: str
    share: float = 1.0
    floor: float | None = None
    guarantee: str | None = None


CONTESTANTS = (
    Contestant(OURS, "stream-app worker", "stream_app", guarantee="at_least_once"),
    Contestant("librdkafka", "librdkafka loop of 512", "benchmarks.contestants.librdkafka_loop", floor=0.95),
    Contestant("quix", "Quix Streams", "benchmarks.contestants.quix_app", share=0.2, floor=3.0),
    Contestant("faust", "idiomatic Faust agent", "benchmarks.contestants.faust_agent", share=0.05, floor=20.0),
)


@dataclass(frozen=True)
class Race:
    """Runs contestants one at a time on the same backlogs."""

    testbed: Testbed
    requests: int
    _readers: dict[str, Reader] = field(default_factory=dict)

    def prepare(self, contestants: tuple[Contestant, ...]) -> None:
        """Create the topics and load every backlog once."""
        names = {topic for c in contestants for topic in (self._source(c), *self._targets(c))} - set(TOPICS.all())
        if names:
            self.testbed.create_topics(*names)
        for topic, count in {self._source(c): self.backlog(c) for c in contestants}.items():
            self.testbed.load(topic, count)

    def backlog(self, contestant: Contestant) -> int:
        """How many requests this contestant answers."""
        return round(self.requests * contestant.share)

    def run(self, contestant: Contestant, attempt: int) -> Outputs:
        """One contestant, once. Raises AssertionError unless every request has exactly one output."""
        with self.reader(contestant) as reader:
            with self._process(contestant, f"bench-{contestant.name}-{attempt}") as process:
                batches = _read(reader, self.backlog(contestant), process)
            surplus = reader.more(QUIET_SECONDS)
        assert not surplus, f"{contestant.name}: {len(surplus)} outputs too many"
        outputs = Outputs.decode(batches)
        assert outputs.count == self.backlog(contestant), f"{contestant.name}: {outputs.count} outputs"
        assert len(outputs.probabilities) == outputs.count, f"{contestant.name}: requests answered twice"
        return outputs

    def reader(self, contestant: Contestant) -> Reader:
        """The reader of its decision topic, which continues after those of earlier rounds."""
        target = self._targets(contestant)[0]
        if target not in self._readers:
            self._readers[target] = Reader(self.testbed, target)
        return self._readers[target]

    def _process(self, one: Contestant, group: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        testbed, target = self.testbed, self._targets(one)[0]
        if one.guarantee:
            return testbed.worker(group, one.guarantee, one.module, remembered_seconds=str(REMEMBERED_SECONDS))
        options = Options(testbed.bootstrap, group, self._source(one), target, testbed.clients, testbed.fetch_wait_ms)
        return testbed.child(one.module, *options.arguments())

    def _source(self, contestant: Contestant) -> str:
        """The topic it reads: the product's, or one with a shorter backlog."""
        return TOPICS.requests if contestant.share == 1.0 else f"{TOPICS.requests}.{self.backlog(contestant)}"

    def _targets(self, contestant: Contestant) -> tuple[str, ...]:
        """The topics it writes, that of its decisions first."""
        if contestant.guarantee:
            return (TOPICS.decisions,)
        return (f"bench.{contestant.name}", f"bench.{contestant.name}.rejected")


def _read(reader: Reader, count: int, process: subprocess.Popen[bytes]) -> list[tuple[float, list[Message]]]:
    """``count`` outputs with their times of arrival. Raises AssertionError if the process ends before, or stalls."""
    batches: list[tuple[float, list[Message]]] = []
    seen, since = 0, time.perf_counter()
    while seen < count:
        batch, now = reader.more(READ_SECONDS), time.perf_counter()
        if batch:
            batches.append((now, batch))
            seen, since = seen + len(batch), now
        assert process.poll() is None, f"it ended with status {process.returncode} after {seen} outputs"
        assert now - since < STALL_SECONDS, f"nothing came for {STALL_SECONDS:g} s after {seen} outputs"
    return batches
