"""``stream-app monitor``: watch decisions and labels until stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream_app.commands.options import role_options


@click.command("monitor")
@role_options
@click.option("--store", help="Decision store: an SQLite file, or a URL such as postgresql://USER:PASSWORD@HOST/NAME.")
@click.option("--window", help="Length of a window in event time: 15min, 6h, 1d, 1mo.")
@click.option("--count-window", type=int, help="Additional windows of this many decisions; 0 for none.")
@click.option("--reports", type=click.Path(path_type=Path), help="Folder of the Evidently reports.")
@click.option("--reports-kept", type=int, help="How many reports are kept, the newest; 0 makes none.")
@click.option("--web-host", help="Address of /metrics, /live and /ready.")
@click.option("--monitor-port", type=int, help="Port of /metrics, /live and /ready; 0 takes a free one.")
def command(**options: Any) -> None:
    """Watch the decisions: store them, close windows, measure drift and performance.

    Reads decisions and labels into the decision store. When a window of event time is over, its features, its
    probabilities and its outcomes are compared with the model's reference sample; when labels arrive, the window's
    realised performance is computed again. Each result is a drift event on loan.drift, a row in the store (stream-app
    drift), a set of gauges on /metrics, and an Evidently report in a folder.

    Every setting can also come from the environment as STREAM_APP_<NAME>; docs/reference/settings.md lists them
    all. The store holds all state: the monitor may be stopped or killed at any time, and the next one resumes where it
    was.
    """
    from stream_app.settings import MonitorSettings

    settings = MonitorSettings.read(**options)
    from monitoring.worker import create_app  # Faust takes seconds: after the settings are checked
    from stream_app.runtime.process import run

    run(create_app(settings), settings)
