"""What a seed stands for, and that no named point is left out."""

from __future__ import annotations

from itertools import chain, islice
from random import Random

from tests.chaos.schedule import PAIRS, PLANS, long_mix
from tests.chaos.victim import POINTS
from tests.chaos.worker_faults import KillAt


def kinds(plan: str, seed: int) -> list[str]:
    return [fault.kind for fault in islice(PLANS[plan].faults(Random(seed)), 100)]


def test_a_seed_stands_for_one_order_of_faults() -> None:
    for plan in PLANS:
        assert kinds(plan, 3) == kinds(plan, 3)
        assert kinds(plan, 3) != kinds(plan, 4)


def test_the_short_plan_kills_at_every_point_once() -> None:
    assert sorted(chain.from_iterable(PAIRS)) == sorted(POINTS)


def test_the_long_mix_kills_at_every_point_and_at_200_random_moments_an_hour() -> None:
    """A round of the mix takes less than a quarter of an hour."""
    faults = islice(long_mix(Random(1)), 1, 36)
    named = {KillAt(point).kind for point in POINTS}
    killed = [fault for fault in faults if fault.kind in named or fault.kind == "SIGKILL at random moments"]
    assert {fault.kind for fault in killed} >= named
    assert sum(fault.count for fault in killed if fault.kind not in named) >= 50
