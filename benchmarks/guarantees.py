"""What exactly-once costs: the product with either guarantee, and with another client under its lanes."""

from __future__ import annotations

import statistics

from benchmarks.race import OURS, Contestant, Race
from benchmarks.report import Report, Verdict
from benchmarks.stage import Stage
from benchmarks.throughput import ratios, run_rounds, spread

EXACTLY_ONCE, CONFLUENT = "exactly_once", "confluent"
ASKED = 0.7

PAIR = (
    Contestant(OURS, "at least once", "stream_app", guarantee="at_least_once"),
    Contestant(EXACTLY_ONCE, "exactly once", "stream_app", guarantee="exactly_once"),
    Contestant(
        CONFLUENT, "the same by librdkafka", "benchmarks.contestants.confluent_worker", guarantee="exactly_once"
    ),
)


def measure(stage: Stage, requests: int, rounds: int) -> Report:
    """Each in turn, ``rounds`` times. A ratio is the median over the rounds of theirs to at-least-once's."""
    rates = run_rounds(Race(stage, requests), PAIR, rounds)
    to_ours = {name: ratios(rates[name], rates[OURS]) for name in (EXACTLY_ONCE, CONFLUENT)}
    figures: dict[str, object] = {
        "requests": requests,
        "rounds": rounds,
        "per_second": {name: spread(some) for name, some in rates.items()},
        "to_at_least_once": {name: spread(some) for name, some in to_ours.items()},
    }
    kept = statistics.median(to_ours[EXACTLY_ONCE])
    return Report(
        "guarantees", stage.engine, figures, [Verdict("of the throughput is kept", kept, ASKED, at_least=True)]
    )
