"""``python -m benchmarks``: run benchmarks, print figures and verdicts, exit with 1 if a promise was broken."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks import (
    both,
    deduplication,
    gateway,
    guarantees,
    latency,
    memory,
    monitor,
    neighbour,
    security,
    store,
    throughput,
    transactions,
    window_reports,
    window_statistics,
)
from benchmarks.report import Report, machine, write_json
from benchmarks.testbed import Testbed, start_testbed
from stream_app.broker import Engine

ENGINES: dict[str, tuple[Engine, ...]] = {"kafka": ("kafka",), "tansu": ("tansu",), "both": ("kafka", "tansu")}

ON_BOTH = ("throughput", "deduplication")
"""Measured on every engine chosen; the other benchmarks with a broker on the first of them only."""

ON_KAFKA = ("guarantees", "security", "transactions")
"""Those that need Apache Kafka, for its transactions and its rights."""

WITHOUT_BROKER: dict[str, Callable[[], Report]] = {
    "store": store.measure,
    "windows": window_statistics.measure,
    "reports": window_reports.measure,
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured; the options of the same names."""

    requests: int
    rounds: int
    rate: int
    seconds: int
    gateway_rate: int
    gateway_seconds: int
    gateway_rounds: int
    guarantee: str

    def with_broker(self) -> dict[str, Callable[[Testbed], Report]]:
        """The benchmarks that need a broker, in the order of a full run."""
        gateway_sizes = (self.gateway_rate, self.gateway_seconds, self.gateway_rounds, self.guarantee)
        return {
            "throughput": lambda testbed: throughput.measure(testbed, self.requests, self.rounds),
            "guarantees": lambda testbed: guarantees.measure(testbed, self.requests, self.rounds),
            "security": lambda testbed: security.measure(testbed, self.requests, self.rounds, self.guarantee),
            "latency": lambda testbed: latency.measure(testbed, self.rate, self.seconds, self.guarantee),
            "transactions": lambda testbed: transactions.measure(testbed, self.rounds),
            "gateway": lambda testbed: gateway.measure(testbed, *gateway_sizes),
            "memory": memory.measure,
            "deduplication": deduplication.measure,
            "monitor": monitor.measure,
            "neighbour": neighbour.measure,
        }


BENCHMARKS = (
    *("throughput", "guarantees", "security", "latency", "transactions", "gateway"),
    *("memory", "deduplication", "monitor", "neighbour"),
    *WITHOUT_BROKER,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument("benchmark", type=click.Choice([*BENCHMARKS, "all"]), default="all", metavar="[BENCHMARK]")
@click.option("--engine", type=click.Choice(list(ENGINES)), default="both", help="Broker; see above.")
@click.option(
    "--requests",
    type=click.IntRange(min=1000),
    default=100_000,
    help="The backlog of throughput, guarantees, security.",
)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=5, help="Rounds of throughput, guarantees, security, transactions."
)
@click.option("--rate", type=click.IntRange(min=1), default=500, help="latency: requests a second.")
@click.option("--seconds", type=click.IntRange(min=10), default=300, help="latency: length of the run.")
@click.option("--gateway-rate", type=click.IntRange(min=1), default=300, help="gateway: calls a second.")
@click.option("--gateway-seconds", type=click.IntRange(min=5), default=30, help="gateway: length of a round.")
@click.option("--gateway-rounds", type=click.IntRange(min=1), default=1, help="gateway: rounds.")
@click.option(
    "--guarantee",
    type=click.Choice([*both.GUARANTEES, both.BOTH]),
    default="at_least_once",
    help="security, latency, gateway: the scorer's. latency, gateway: both in turns.",
)
@click.option("--json", "target", type=click.Path(path_type=Path), help="File for machine, figures and verdicts.")
def main(benchmark: str, engine: str, target: Path | None, **sizes: Any) -> None:
    """Measure the figures in docs/explanation/benchmarks.md: about 25 minutes on an otherwise idle machine.

    \b
    throughput     a backlog: the product, librdkafka, Quix Streams, Faust
    guarantees     throughput of exactly-once to at-least-once
    security       throughput over TLS and SCRAM to that in plain text
    latency        request sent to decision read, at a fixed rate
    transactions   one of ours, of aiokafka and of the Java client
    gateway        HTTP calls under load
    memory         of the scorer on a long backlog
    deduplication  per request, and to restore ids after a rebalance
    monitor        decisions into the store; blocks of the event loop
    neighbour      what the monitor costs the scorer
    store          decisions into the store, without a broker
    windows        statistics of a closed window, without a broker
    reports        the monitor's child processes, without a broker

    With --engine both, throughput and deduplication run on both engines and the others on Apache Kafka: Tansu is made
    for short runs. guarantees, security and transactions need Apache Kafka.
    """
    about = machine()
    print(*(f"{name}: {value}" for name, value in about.items()), sep="\n")
    reports = []
    for report in _run(benchmark, ENGINES[engine], Sizes(**sizes)):
        _show(report)
        reports.append(report)
    if target is not None:
        write_json(target, about, reports)
    sys.exit(0 if all(report.kept for report in reports) else 1)


def _run(benchmark: str, engines: tuple[Engine, ...], sizes: Sizes) -> Iterator[Report]:
    """Each benchmark on a broker of its own, so that none reads the records of another."""
    for name in sizes.with_broker():
        if benchmark in (name, "all") and (name not in ON_KAFKA or "kafka" in engines):
            if sizes.guarantee == both.BOTH and name in both.COMPARED:
                yield both.measure_both(name, engines[0], partial(_measure, name, sizes))
                continue
            for engine in engines if name in ON_BOTH else engines[:1]:
                with start_testbed(engine) as testbed:
                    yield _measure(name, sizes, testbed, sizes.guarantee)
    for name, measure_alone in WITHOUT_BROKER.items():
        if benchmark in (name, "all"):
            yield measure_alone()


def _measure(name: str, sizes: Sizes, testbed: Testbed, guarantee: str) -> Report:
    one = both.GUARANTEES[0] if guarantee == both.BOTH else guarantee
    return replace(sizes, guarantee=one).with_broker()[name](testbed)


def _show(report: Report) -> None:
    print(f"\n{report.benchmark} on {report.engine}")
    for name, value in report.figures.items():
        print(f"  {name}: {_short(value)}")
    print(*(f"  {verdict}" for verdict in report.verdicts), sep="\n", flush=True)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return "[" + ", ".join(_short(item) for item in value) + "]"
    return str(value)


if __name__ == "__main__":
    main()
