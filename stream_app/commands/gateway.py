"""``stream-app gateway``: serve HTTP in front of the topics until told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("gateway")
@click.option("--kafka", metavar="HOST:PORT", help="Bootstrap servers, separated by commas.")
@click.option("--gateway-host", metavar="HOST", help="Address to serve on; any but this machine's own needs keys.")
@click.option("--gateway-port", type=int, metavar="PORT", help="Port to serve on; 0 takes a free one.")
@click.option("--clients", metavar="FILE|URL", help="Client store: an SQLite file, or redis://HOST:PORT/NUMBER.")
@click.option("--store", metavar="FILE|URL", help="Decision store of the monitor: an SQLite file, or a URL.")
@click.option("--reports", type=click.Path(path_type=Path), help="Folder of the monitor's Evidently reports.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder (default: the shipped one).")
@click.option("--group", help="Consumer group of the scorers, whose lag is told.")
@click.option("--reply-seconds", type=float, help="How long a caller waits for a decision.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Least level logged.")
def command(**options: Any) -> None:
    """Serve the HTTP API and the dashboard: ask the scorers over Kafka, wait for the answer.

    GET /predict/CLIENT_ID decides a known client's latest application, POST /requests a full request; /docs has the
    rest. Every setting can also come from the environment as STREAM_APP_<NAME>; the README lists them all. SIGTERM
    answers the calls in hand and ends.
    """
    from stream_app.settings import read_gateway_settings

    settings = read_gateway_settings(**options)
    from stream_app.gateway.server import serve

    serve(settings)
