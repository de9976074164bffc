"""``stream-app worker``: run one scorer until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--kafka", metavar="HOST:PORT", help="Bootstrap servers, separated by commas.")
@click.option("--group", help="Consumer group; workers of one group share the partitions.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder (default: the shipped one).")
@click.option("--clients", help="Client store: an SQLite file, or redis://HOST:PORT/NUMBER.")
@click.option(
    "--guarantee",
    type=click.Choice(["exactly_once", "at_least_once"]),
    help="exactly_once (default) needs transactions, as of Apache Kafka.",
)
@click.option("--threads", type=int, help="Threads of one prediction.")
@click.option("--web-host", help="Address of /metrics, /live and /ready.")
@click.option("--web-port", type=int, help="Port of the same; 0 takes a free one.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Least level logged.")
def command(**options: Any) -> None:
    """Score loan requests: consume, decide, publish, commit.

    Every setting can also come from the environment as STREAM_APP_<NAME>; the README lists them all. SIGTERM ends the
    batch in hand, delivers it and leaves the group.
    """
    from stream_app.runtime.process import run
    from stream_app.settings import read_settings
    from stream_app.worker.composition import create_app

    settings = read_settings(**options)
    run(create_app(settings), settings)
