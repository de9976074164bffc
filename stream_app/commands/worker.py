"""``stream-app worker``: run one scorer until it is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream_app.commands.options import role_options
from stream_app.commands.suggestions import Choice


@click.command("worker")
@role_options
@click.option("--group", help="Consumer group; workers of one group share the partitions.")
@click.option("--clients", help="Client store: an SQLite file, or redis://HOST:PORT/NUMBER.")
@click.option(
    "--guarantee",
    type=Choice(["exactly_once", "at_least_once"]),
    help="exactly_once (default) needs transactions, as of Apache Kafka.",
)
@click.option("--mapping", type=click.Path(path_type=Path), help="Mapping file of foreign requests.")
@click.option("--threads", type=int, help="Threads of one prediction.")
@click.option("--web-host", help="Address of /metrics, /live and /ready.")
@click.option("--web-port", type=int, help="Port of /metrics, /live and /ready; 0 takes a free one.")
def command(**options: Any) -> None:
    """Score loan requests: consume, decide, publish, commit.

    Every setting can also come from the environment as STREAM_APP_<NAME>; docs/reference/settings.md lists them
    all. On SIGTERM the scorer decides and delivers the batch in hand, then leaves the group.
    """
    from stream_app.settings import WorkerSettings

    settings = WorkerSettings.read(**options)
    from stream_app.runtime.process import run  # Faust and the model take seconds: after the settings are checked
    from stream_app.worker.composition import create_app

    run(create_app(settings), settings)
