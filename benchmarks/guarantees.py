"""What exactly-once costs: the product with either guarantee, and exactly-once with librdkafka instead of aiokafka."""

from __future__ import annotations

import statistics

from benchmarks.race import OURS, Contestant, Race
from benchmarks.report import Report, Verdict
from benchmarks.testbed import Testbed
from benchmarks.throughput import ratios, run_rounds, spread

EXACTLY_ONCE, CONFLUENT = "exactly_once", "confluent"
LEAST_KEPT = 0.7

CONTESTANTS = (
    Contestant(OURS, "at least once", "stream_app", guarantee="at_least_once"),
    Contestant(EXACTLY_ONCE, "exactly once", "stream_app", guarantee="exactly_once"),
    Contestant(
        CONFLUENT, "exactly once, librdkafka", "benchmarks.contestants.confluent_worker", guarantee="exactly_once"
    ),
)


def measure(testbed: Testbed, requests: int, rounds: int) -> Report:
    """Each contestant in turn, ``rounds`` times. A ratio is within one round: its throughput to at-least-once's."""
    rates = run_rounds(Race(testbed, requests), CONTESTANTS, rounds)
    to_ours = {name: ratios(rates[name], rates[OURS]) for name in (EXACTLY_ONCE, CONFLUENT)}
    figures: dict[str, object] = {
        "requests": requests,
        "rounds": rounds,
        "per_second": {name: spread(per_second) for name, per_second in rates.items()},
        "to_at_least_once": {name: spread(ratio) for name, ratio in to_ours.items()},
    }
    kept = statistics.median(to_ours[EXACTLY_ONCE])
    return Report(
        "guarantees", testbed.engine, figures, [Verdict("of the throughput is kept", kept, LEAST_KEPT, at_least=True)]
    )
