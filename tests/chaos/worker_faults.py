"""What happens to scorers: they are killed at every named point and at random moments, frozen, come and go."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from random import Random

from tests.chaos.fault import BROKER_SECONDS, WORKER_SECONDS, Possible, hold
from tests.chaos.late_requests import HELD, fate
from tests.chaos.stage import PARTITIONS, Stage
from tests.servers.waiting import wait_until

SESSION_SECONDS = 6.0


class KillAt(Possible):
    """SIGKILL as one worker passes a named point. Where that is passed in a seek alone, the other worker dies first."""

    def __init__(self, point: str) -> None:
        self.kind, self._point = f"SIGKILL at {point}", point

    def run(self, stage: Stage, rng: Random) -> float:
        victim, other = rng.sample(stage.workers, 2)
        if self._point in SEEKING:
            victim.give_orders(self._point, 1, signal.SIGKILL)
            other.send(signal.SIGKILL)  # which makes the victim seek
        else:
            victim.give_orders(self._point, rng.randint(1, 5), signal.SIGKILL)
        wait_until(victim.obeyed, f"{victim.name} dies at {self._point}")
        return time.monotonic()


SEEKING = ("before-takeover", "before-seek")
"""Points that are passed in a rebalance alone."""


class KillTwo(Possible):
    """SIGKILL of both workers, each at a point of its own: half the time for as many points."""

    def __init__(self, first: str, second: str) -> None:
        self.kind, self._points = f"SIGKILL at {first} and at {second}", (first, second)

    def run(self, stage: Stage, rng: Random) -> float:
        for slot, point in zip(stage.workers, self._points, strict=True):
            slot.give_orders(point, 1 if point in SEEKING else rng.randint(1, 3), signal.SIGKILL)
        wait_until(lambda: all(slot.obeyed() for slot in stage.workers), f"both die at {self._points}")
        return time.monotonic()


class RandomKills(Possible):
    """SIGKILL of some worker at random moments, again and again, also while they start and rebalance."""

    kind = "SIGKILL at random moments"
    limit = 2 * WORKER_SECONDS  # the last one may come while the group still waits for an earlier one

    def __init__(self, count: int, longest_pause_seconds: float = 8.0) -> None:
        self.count, self._pause = count, longest_pause_seconds

    def run(self, stage: Stage, rng: Random) -> float:
        killed = 0
        while killed < self.count:
            hold(rng.uniform(0.2, self._pause))  # the moment
            killed += rng.choice(stage.workers).send(signal.SIGKILL)
        return time.monotonic()


class Zombie(Possible):
    """SIGSTOP of a worker in the middle of a transaction, longer than the session timeout, then SIGCONT.

    The other takes its partitions over meanwhile; the zombie still believes that they are its own.
    """

    def __init__(self, point: str, seconds: float = SESSION_SECONDS + 4) -> None:
        self.kind, self._point, self._seconds = f"SIGSTOP at {point}, then SIGCONT", point, seconds

    def run(self, stage: Stage, rng: Random) -> float:
        victim = rng.choice(stage.workers)
        victim.give_orders(self._point, rng.randint(1, 5), signal.SIGSTOP)
        wait_until(victim.obeyed, f"{victim.name} stops at {self._point}")
        hold(self._seconds)
        victim.send(signal.SIGCONT)
        return time.monotonic()


class LateCommit(Possible):
    """A zombie's commit arrives exactly while another worker is at a point of its takeover.

    The other is held there, far shorter than its session, while the zombie goes on. Should the zombie's commit succeed
    it dies of it, lest it joins the group and takes its partitions back before anybody could be harmed.
    """

    kind = "commit of a zombie during the takeover"

    def __init__(self, point: str = "before-seek") -> None:
        self._point = point

    def run(self, stage: Stage, rng: Random) -> float:
        zombie, heir = rng.sample(stage.workers, 2)
        zombie.give_orders("before-commit", 1, signal.SIGSTOP)
        wait_until(zombie.obeyed, f"{zombie.name} stops before a commit")
        zombie.give_orders("after-commit", 1, signal.SIGKILL)
        heir.give_orders(self._point, 1, signal.SIGSTOP)
        wait_until(heir.obeyed, f"{heir.name} is taking over")
        zombie.send(signal.SIGCONT)
        _wait_for(zombie.obeyed, 0.7)  # its commit comes through, or does not
        zombie.withdraw_orders()
        heir.send(signal.SIGCONT)
        return time.monotonic()


class LateRequest(Possible):
    """A request of a transaction reaches the broker late, or a second time, while its sender has gone on."""

    def __init__(self, request: str, how: str, longest_seconds: float = 3.0) -> None:
        self.kind, self._request, self._how, self._longest = f"{request} {how}", request, how, longest_seconds

    def run(self, stage: Stage, rng: Random) -> float:
        victim, seconds = rng.choice(stage.workers), rng.uniform(0.0, self._longest)
        victim.give_orders(self._request, rng.randint(1, 5), fate(self._how, seconds))
        wait_until(victim.obeyed, f"a {self._request} of {victim.name} is {self._how}")
        hold(seconds)
        return time.monotonic()


class LateEnd(Possible):
    """The end of a transaction arrives while the next one has outputs and no offsets yet; then its sender is killed.

    In the first version of the protocol, with the end asked for again in place, the outputs are committed without their
    offsets: whoever takes the partitions over decides their requests again.
    """

    kind = "EndTxn held until the next transaction is half done"

    def run(self, stage: Stage, rng: Random) -> float:
        victim, seconds = rng.choice(stage.workers), 2.0
        victim.give_orders("EndTxn", rng.randint(1, 5), fate(HELD, seconds))
        wait_until(victim.obeyed, f"an EndTxn of {victim.name} is held")
        victim.give_orders("outputs-sent", 1, signal.SIGSTOP)
        _wait_for(victim.obeyed, seconds)
        hold(seconds + 0.5)
        victim.withdraw_orders()
        victim.send(signal.SIGKILL)
        return time.monotonic()


def _wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Until it holds, or the time is over."""
    with contextlib.suppress(AssertionError):
        wait_until(condition, "", seconds)


class RebalanceStorm(Possible):
    """More workers come and go every few seconds, by turns in order and by SIGKILL; more workers than partitions."""

    kind = "rebalance storm"
    limit = BROKER_SECONDS

    def __init__(self, rounds: int, seconds: float = 3.0) -> None:
        self._rounds, self._seconds = rounds, seconds

    def run(self, stage: Stage, rng: Random) -> float:
        for number in range(self._rounds):
            guests = [stage.supervisor.add(f"guest{number}-{at}") for at in range(PARTITIONS - 1)]
            hold(rng.uniform(1.0, 2.0) * self._seconds)
            for guest in guests:
                stage.supervisor.remove(guest, rng.choice([signal.SIGTERM, signal.SIGKILL]))
        return time.monotonic()
