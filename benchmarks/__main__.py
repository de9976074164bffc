"""``python -m benchmarks``: run benchmarks, print figures and verdicts, exit with 1 if a promise was broken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks import (
    gateway,
    guarantees,
    latency,
    memory,
    monitor,
    neighbour,
    recall,
    store,
    throughput,
    window_reports,
    window_statistics,
)
from benchmarks.report import Report, machine, write_json
from benchmarks.stage import stage
from stream_app.broker import Engine

ENGINES: dict[str, tuple[Engine, ...]] = {"kafka": ("kafka",), "tansu": ("tansu",), "both": ("kafka", "tansu")}


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


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.argument(
    "benchmark",
    type=click.Choice(
        [
            *("throughput", "guarantees", "latency", "gateway", "memory"),
            *("recall", "monitor", "neighbour", "store", "windows", "reports", "all"),
        ]
    ),
    default="all",
)
@click.option("--engine", type=click.Choice(list(ENGINES)), default="both", help="Broker; see below.")
@click.option("--requests", type=click.IntRange(min=1000), default=100_000, help="Backlog of the throughput race.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, help="Rounds of the throughput race.")
@click.option("--rate", type=click.IntRange(min=1), default=500, help="Requests a second of the latency benchmark.")
@click.option("--seconds", type=click.IntRange(min=10), default=300, help="Length of the latency benchmark.")
@click.option(
    "--gateway-rate", type=click.IntRange(min=1), default=300, help="Calls a second of the gateway benchmark."
)
@click.option("--gateway-seconds", type=click.IntRange(min=5), default=30, help="Length of one of its rounds.")
@click.option("--gateway-rounds", type=click.IntRange(min=1), default=1, help="Rounds of it.")
@click.option("--guarantee", default="at_least_once", help="The scorer's, in the latency and gateway benchmarks.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write machine, figures and verdicts here.")
def main(benchmark: str, engine: str, target: Path | None, **sizes: Any) -> None:
    """Measure what docs/benchmarks.md states.

    Guarantees (what exactly-once costs) is measured on Apache Kafka. With both engines latency, gateway, memory and
    monitor (a backlog into the decision store, and how long the monitor's loop is held up) are measured on Apache
    Kafka alone: Tansu is made for short runs. Recall is what the memory of decided ids costs a request, and how long a
    scorer that takes partitions over reads it back. Neighbour is what the monitor costs the scorer. Store (the
    monitor's own part), windows (the statistics of a closed one) and reports (these in the monitor's child processes,
    and Evidently's page) need no broker. A full run takes about 25 minutes and wants an otherwise idle machine.
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


def _run(benchmark: str, engines: tuple[Engine, ...], size: Sizes) -> Iterator[Report]:
    """Every benchmark on a broker of its own, so that none finds the records of another."""
    if benchmark in ("throughput", "all"):
        for engine in engines:
            with stage(engine) as here:
                yield throughput.measure(here, size.requests, size.rounds)
    if benchmark in ("guarantees", "all") and "kafka" in engines:
        with stage("kafka") as here:
            yield guarantees.measure(here, size.requests, size.rounds)
    if benchmark in ("latency", "all"):
        with stage(engines[0]) as here:
            yield latency.measure(here, size.rate, size.seconds, size.guarantee)
    if benchmark in ("gateway", "all"):
        with stage(engines[0]) as here:
            yield gateway.measure(here, size.gateway_rate, size.gateway_seconds, size.gateway_rounds, size.guarantee)
    if benchmark in ("memory", "all"):
        with stage(engines[0]) as here:
            yield memory.measure(here)
    if benchmark in ("recall", "all"):
        for engine in engines:
            with stage(engine) as here:
                yield recall.measure(here)
    if benchmark in ("monitor", "all"):
        with stage(engines[0]) as here:
            yield monitor.measure(here)
    if benchmark in ("neighbour", "all"):
        with stage(engines[0]) as here:
            yield neighbour.measure(here)
    if benchmark in ("store", "all"):
        yield store.measure()
    if benchmark in ("windows", "all"):
        yield window_statistics.measure()
    if benchmark in ("reports", "all"):
        yield window_reports.measure()


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
        return "[" + ", ".join(_short(inner) for inner in value) + "]"
    return str(value)


if __name__ == "__main__":
    main()
