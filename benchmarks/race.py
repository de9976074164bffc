"""One contestant on its backlog: started as a child process, waited for, read back and checked."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass, field

from confluent_kafka import Message

from benchmarks.contestants.options import Options
from benchmarks.outputs import READ_SECONDS, Outputs, Reader
from benchmarks.stage import TOPICS, Stage

STALL_SECONDS, QUIET_SECONDS = 60.0, 1.0
OURS = "ours"
FORGOTTEN_SECONDS = 1.0
"""Each round decides the same requests. So that they are no repeats for us, we forget in one second what we decided,
which is sooner than a worker starts; the memory costs what it costs otherwise, and holds up to 10,000 ids as well."""


@dataclass(frozen=True)
class Contestant:
    """``module``: run as a child process. ``share``: its part of the backlog. ``floor``: we must be this many times
    as fast. ``guarantee``: the contestant is the product, with this one."""

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
    """The backlogs are loaded; contestants run on them one at a time."""

    stage: Stage
    requests: int
    _readers: dict[str, Reader] = field(default_factory=dict)

    def prepare(self, contestants: tuple[Contestant, ...]) -> None:
        """Create the topics and load every backlog once."""
        names = {topic for c in contestants for topic in (self._source(c), *self._targets(c))} - set(TOPICS.all())
        if names:
            self.stage.create_topics(*names)
        for topic, count in {self._source(c): self.backlog(c) for c in contestants}.items():
            self.stage.load(topic, count)

    def backlog(self, of: Contestant) -> int:
        """How many requests this contestant answers."""
        return round(self.requests * of.share)

    def run(self, contestant: Contestant, attempt: int) -> Outputs:
        """One contestant, once. Raises AssertionError unless every request has exactly one output."""
        with self.reader(contestant) as reader:
            with self._process(contestant, f"bench-{contestant.name}-{attempt}") as process:
                batches = _read(reader, self.backlog(contestant), process)
            surplus = reader.more(QUIET_SECONDS)
        assert not surplus, f"{contestant.name}: {len(surplus)} outputs too many"
        outputs = Outputs.of(batches)
        assert outputs.count == self.backlog(contestant), f"{contestant.name}: {outputs.count} outputs"
        assert len(outputs.probabilities) == outputs.count, f"{contestant.name}: requests answered twice"
        return outputs

    def reader(self, of: Contestant) -> Reader:
        """The reader of its decisions; it remembers where whoever wrote there before ended."""
        target = self._targets(of)[0]
        if target not in self._readers:
            self._readers[target] = Reader(self.stage, target)
        return self._readers[target]

    def _process(self, of: Contestant, group: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        if of.guarantee:
            forgetful = {"STREAM_APP_REMEMBERED_SECONDS": str(FORGOTTEN_SECONDS)}
            return self.stage.worker(group, of.guarantee, of.module, **forgetful)
        here = self.stage
        target = self._targets(of)[0]
        options = Options(here.bootstrap, group, self._source(of), target, here.clients, here.fetch_wait_ms)
        return here.child(of.module, *options.arguments())

    def _source(self, of: Contestant) -> str:
        return TOPICS.requests if of.share == 1.0 else f"{TOPICS.requests}.{self.backlog(of)}"

    def _targets(self, of: Contestant) -> tuple[str, ...]:
        if of.guarantee:
            return (TOPICS.decisions,)
        return (f"bench.{of.name}", f"bench.{of.name}.rejected")


def _read(reader: Reader, count: int, process: subprocess.Popen[bytes]) -> list[tuple[float, list[Message]]]:
    """``count`` outputs and when they came. Raises AssertionError if the process ends before, or stalls."""
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
