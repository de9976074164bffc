"""The options that several commands share, and where their waiting is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_KAFKA = click.option(
    "--kafka",
    default="127.0.0.1:9092",
    envvar="STREAM_APP_KAFKA",
    show_default=True,
    help="Bootstrap servers, HOST:PORT[,HOST:PORT].",
)
_PREFIX = click.option("--prefix", default="", envvar="STREAM_APP_TOPIC_PREFIX", help="Put before every topic name.")
_WAIT = click.option(
    "--wait",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds to wait for the broker.",
)
bundle_option = click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    envvar="STREAM_APP_BUNDLE",
    help="Bundle whose contract names the features (default: the shipped one).",
)

store_option = click.option(
    "--store",
    default="decisions.db",
    show_default=True,
    envvar="STREAM_APP_STORE",
    help="Decision store of the monitor: an SQLite file, or a URL such as postgresql://USER@HOST/NAME.",
)


def broker_options(command: Command) -> Command:
    """Add ``--kafka``, ``--prefix`` and ``--wait`` to a command."""
    return _KAFKA(_PREFIX(_WAIT(command)))


def to_stderr(line: str) -> None:
    """Say a line beside the output, which may go into a pipe."""
    click.echo(line, err=True)
