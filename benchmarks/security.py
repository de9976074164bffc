"""What TLS and SCRAM cost: the product on a backlog, in turn on a plain broker and on a secured one."""

from __future__ import annotations

from benchmarks.race import OURS, Contestant, Race
from benchmarks.report import Report
from benchmarks.testbed import Testbed, start_testbed
from benchmarks.throughput import ratios, spread

PLAIN, SECURED = "PLAINTEXT", "SASL_SSL"


def measure(testbed: Testbed, requests: int, rounds: int, guarantee: str) -> Report:
    """Both, ``rounds`` times, interleaved. A ratio is within one round: secured to plain."""
    product = Contestant(OURS, "stream-app worker", "stream_app", guarantee=guarantee)
    with start_testbed("kafka", secured=True) as secured:
        races = {PLAIN: Race(testbed, requests), SECURED: Race(secured, requests)}
        for race in races.values():
            race.prepare((product,))
        rates: dict[str, list[float]] = {name: [] for name in races}
        for attempt in range(rounds):
            for name, race in races.items():
                rates[name].append(race.run(product, attempt).per_second())
                print(f"round {attempt + 1}: {name:24} {rates[name][-1]:10,.0f} /s", flush=True)
    figures: dict[str, object] = {
        "requests": requests,
        "rounds": rounds,
        "guarantee": guarantee,
        "per_second": {name: spread(per_second) for name, per_second in rates.items()},
        "secured_to_plain": spread(ratios(rates[SECURED], rates[PLAIN])),
    }
    return Report("security", testbed.engine, figures)
