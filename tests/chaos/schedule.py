"""Which faults, in which order: short plans for every run of the tests, and a seeded mix without end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from tests.chaos.broker_faults import BrokerKill, BrokerStop, Cut, DiskFull, RollingRestart, Slow
from tests.chaos.fault import Fault
from tests.chaos.input_faults import BadBundle, HugeRecord, MissingOutput, SmallOutputs, Swapped
from tests.chaos.late_requests import HELD, REPEATED, REQUESTS
from tests.chaos.victim import POINTS
from tests.chaos.worker_faults import (
    KillAt,
    KillTwo,
    LateCommit,
    LateEnd,
    LateRequest,
    RandomKills,
    RebalanceStorm,
    Zombie,
)


def workers_in_short(rng: Random) -> Sequence[Fault]:
    """Everything about workers, topics and models, in about two minutes."""
    rest: list[Fault] = [
        *(KillTwo(*pair) for pair in PAIRS),
        RandomKills(6, longest_pause_seconds=6.0),
        Zombie("before-commit"),
        LateCommit(),
        LateEnd(),
        *LATE,
        RebalanceStorm(1),
        HugeRecord(),
        SmallOutputs(4.0),
        BadBundle(rng.choice(("truncated", "bit-flipped"))),
        Swapped(),
    ]
    rng.shuffle(rest)
    return [MissingOutput(4.0), *rest]


PAIRS = (
    ("before-takeover", "fetched"),
    ("before-seek", "scored"),
    ("outputs-sent", "offsets-sent"),
    ("before-commit", "after-commit"),
)
"""Every point once. The two that are passed in a seek come beside one whose death makes the other seek."""


LATE = [LateRequest(request, how) for request in REQUESTS for how in (HELD, REPEATED)]


def brokers_in_short(rng: Random) -> Sequence[Fault]:
    """The same about brokers and the network."""
    faults: list[Fault] = [
        BrokerKill(),
        BrokerStop(5.0),
        RollingRestart(),
        Cut(1, 5.0),
        Cut(None, 5.0),
        Slow(5.0),
        RandomKills(4, longest_pause_seconds=6.0),
    ]
    rng.shuffle(faults)
    return faults


class Plan(NamedTuple):
    """``remembers``: without the memory of decided ids transactions alone keep outputs from being doubled."""

    brokers: int
    remembers: bool
    faults: Callable[[Random], Iterable[Fault]]


def long_mix(rng: Random) -> Iterator[Fault]:
    """Without end: the whole bag in a new order each time."""
    yield MissingOutput(10.0)
    while True:
        bag = _bag(rng)
        rng.shuffle(bag)
        yield from bag


def _bag(rng: Random) -> list[Fault]:
    return [
        *(KillAt(point) for point in POINTS),
        *(RandomKills(25) for _ in range(2)),  # four bags, an hour at most, have two hundred
        LateCommit(),
        LateEnd(),
        *LATE,
        *(Zombie(point) for point in ("scored", "outputs-sent", "offsets-sent", "before-commit")),
        RebalanceStorm(4),
        BrokerKill(rng.uniform(1, 20)),
        BrokerKill(rng.uniform(1, 20)),
        BrokerStop(5),
        BrokerStop(45),
        BrokerStop(120),
        RollingRestart(),
        Cut(1, rng.uniform(5, 40)),
        Cut(None, rng.uniform(5, 40)),
        Slow(20),
        DiskFull(),
        HugeRecord(),
        SmallOutputs(rng.uniform(3, 15)),
        BadBundle("truncated"),
        BadBundle("bit-flipped"),
        Swapped(),
    ]


PLANS = {
    "workers": Plan(1, False, workers_in_short),
    "brokers": Plan(3, True, brokers_in_short),
    "mix": Plan(3, True, long_mix),
}
