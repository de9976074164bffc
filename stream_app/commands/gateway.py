"""``stream-app gateway``: serve HTTP in front of the topics until stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream_app.commands.options import role_options


@click.command("gateway")
@role_options
@click.option("--gateway-host", metavar="HOST", help="Address to serve on; any but this machine's own needs keys.")
@click.option("--gateway-port", type=int, metavar="PORT", help="Port to serve on; 0 takes a free one.")
@click.option("--clients", metavar="FILE|URL", help="Client store: an SQLite file, or redis://HOST:PORT/NUMBER.")
@click.option("--store", metavar="FILE|URL", help="Decision store of the monitor: an SQLite file, or a URL.")
@click.option("--reports", type=click.Path(path_type=Path), help="Folder of the monitor's Evidently reports.")
@click.option("--group", help="Consumer group of the scorers, whose lag is shown.")
@click.option("--reply-seconds", type=float, help="How long a caller waits for a decision.")
def command(**options: Any) -> None:
    """Serve the HTTP API and the dashboard: send requests to the scorers over Kafka and wait for their decisions.

    GET /predict/CLIENT_ID decides a known client's latest application, POST /requests a full request; /docs has the
    rest. Every setting can also come from the environment as STREAM_APP_<NAME>; docs/reference/settings.md lists them
    all. On SIGTERM the gateway answers the calls in hand and ends.
    """
    from stream_app.settings import GatewaySettings

    settings = GatewaySettings.read(**options)
    from stream_app.gateway.server import serve

    serve(settings)
