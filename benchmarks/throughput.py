"""Throughput on a backlog: the product and three other implementations, in turn, round after round.

Every contestant reads real requests in a consumer group of its own and writes its decisions to a topic of its own. Slow
ones get only the first part of the backlog: their rate does not depend on its length.
"""

from __future__ import annotations

import statistics

from benchmarks.race import CONTESTANTS, OURS, Contestant, Race
from benchmarks.report import Report, Verdict
from benchmarks.testbed import Testbed

TOLERANCE = 1e-9


def run_rounds(race: Race, contestants: tuple[Contestant, ...], rounds: int) -> dict[str, list[float]]:
    """Outputs per second by contestant, one figure a round, contestants interleaved. Prints each figure at once.

    Raises AssertionError when a contestant's probability for a request differs from the product's.
    """
    race.prepare(contestants)
    rates: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    expected: dict[str, float] = {}
    for attempt in range(rounds):
        for contestant in contestants:
            outputs = race.run(contestant, attempt)
            expected = expected or outputs.probabilities
            _agree(contestant.name, outputs.probabilities, expected)
            rates[contestant.name].append(outputs.per_second())
            print(f"round {attempt + 1}: {contestant.label:24} {rates[contestant.name][-1]:10,.0f} /s", flush=True)
    return rates


def measure(testbed: Testbed, requests: int, rounds: int) -> Report:
    """All contestants, ``rounds`` times. A ratio is within one round: the product's throughput to the other's."""
    rates = run_rounds(Race(testbed, requests), CONTESTANTS, rounds)
    to_theirs = {name: ratios(rates[OURS], theirs) for name, theirs in rates.items() if name != OURS}
    figures: dict[str, object] = {
        "requests": requests,
        "rounds": rounds,
        "per_second": {name: spread(figures) for name, figures in rates.items()},
        "ours_to_theirs": {name: spread(figures) for name, figures in to_theirs.items()},
    }
    verdicts = [
        Verdict(f"times the throughput of {c.label}", statistics.median(to_theirs[c.name]), c.floor, at_least=True)
        for c in CONTESTANTS
        if c.floor is not None
    ]
    return Report("throughput", testbed.engine, figures, verdicts)


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def spread(figures: list[float]) -> dict[str, object]:
    return {"median": statistics.median(figures), "least": min(figures), "most": max(figures), "all": figures}


def _agree(name: str, got: dict[str, float], expected: dict[str, float]) -> None:
    worst = max(abs(probability - expected[request]) for request, probability in got.items())
    assert worst <= TOLERANCE, f"{name}: a probability differs by {worst:g}"
