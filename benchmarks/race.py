"""One contestant on its backlog: started as a child process, waited for, read back and checked."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass

from benchmarks.contestants.options import Options
from benchmarks.outputs import Ends, Outputs, Reader
from benchmarks.stage import TOPICS, Stage

STALL_SECONDS = 60.0
OURS = "ours"


@dataclass(frozen=True)
class Contestant:
    """``module``: run as a child process. ``share``: its part of the backlog. ``floor``: we must be this many times
    as fast."""

    name: str
    label: str
    module: str
    share: float = 1.0
    floor: float | None = None


CONTESTANTS = (
    Contestant(OURS, "stream-app worker", "stream_app"),
    Contestant("librdkafka", "librdkafka loop of 512", "benchmarks.contestants.librdkafka_loop", floor=0.95),
    Contestant("quix", "Quix Streams", "benchmarks.contestants.quix_app", share=0.2, floor=3.0),
    Contestant("faust", "idiomatic Faust agent", "benchmarks.contestants.faust_agent", share=0.05, floor=20.0),
)


@dataclass(frozen=True)
class Race:
    """The backlogs are loaded; contestants run on them one at a time."""

    stage: Stage
    requests: int

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
        target = self._targets(contestant)[0]
        with contextlib.closing(Reader(self.stage.bootstrap, target)) as reader:
            start = reader.ends()
            with self._process(contestant, f"bench-{contestant.name}-{attempt}") as process:
                _wait(reader, start, self.backlog(contestant), process)
            outputs = reader.read(start)
        assert outputs.count == self.backlog(contestant), f"{contestant.name}: {outputs.count} outputs"
        assert len(outputs.probabilities) == outputs.count, f"{contestant.name}: requests answered twice"
        return outputs

    def _process(self, of: Contestant, group: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        if of.name == OURS:
            return self.stage.worker(group)
        here = self.stage
        target = self._targets(of)[0]
        options = Options(here.bootstrap, group, self._source(of), target, here.clients, here.fetch_wait_ms)
        return here.child(of.module, *options.arguments())

    def _source(self, of: Contestant) -> str:
        return TOPICS.requests if of.share == 1.0 else f"{TOPICS.requests}.{self.backlog(of)}"

    def _targets(self, of: Contestant) -> tuple[str, ...]:
        if of.name == OURS:
            return (TOPICS.decisions,)
        return (f"bench.{of.name}", f"bench.{of.name}.rejected")


def _wait(reader: Reader, start: Ends, count: int, process: subprocess.Popen[bytes]) -> None:
    """Until ``count`` outputs are there. Raises AssertionError if it ends before, or writes nothing for a minute."""
    seen, since = 0, time.monotonic()
    while seen < count:
        time.sleep(0.25)  # asking is work for the broker: seldom enough not to disturb
        assert process.poll() is None, f"it ended with status {process.returncode} after {seen} outputs"
        now = sum(reader.ends()) - sum(start)
        if now > seen:
            seen, since = now, time.monotonic()
        assert time.monotonic() - since < STALL_SECONDS, f"nothing came for {STALL_SECONDS:g} s after {seen} outputs"
