"""The command line: ``stream-app COMMAND``. Each command is one file of :mod:`stream_app.commands`.

A command is imported when it is named and nothing heavy is imported here: ``stream-app --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from models.errors import ExpectedError
from stream_app.commands.suggestions import Group

COMMANDS = {
    "demo": "Try everything: broker, scorer, monitor and gateway, a replay of the loan book, a summary.",
    "worker": "Score loan requests: the Faust worker.",
    "gateway": "Serve HTTP and the dashboard in front of the topics.",
    "broker": "Run an embedded broker (Apache Kafka or Tansu) in the foreground.",
    "topics": "Create or check the topics.",
    "clients": "Load client profiles into the client store, count and show them.",
    "produce": "Send the rows of a file as loan requests, or as labels: whether each loan defaulted.",
    "decisions": "Print the decisions, or follow them.",
    "rejections": "Print the rejections, or follow them.",
    "monitor": "Watch the decisions for drift: the second Faust worker.",
    "drift": "Show the closed windows: what drifted, and whether defaults come as predicted.",
    "report": "Write an Evidently report of a window, or of the decisions of some days.",
    "keys": "Make, list and remove the gateway's API keys.",
    "train": "Train a model and write its bundle.",
    "contracts": "Write the JSON Schemas and the AsyncAPI document of the topics.",
}


OUTPUT_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class ReaderGone(Exception):
    """Whoever read the output has closed it: ``head``, for example, which has what it wanted."""


@contextlib.contextmanager
def _reader_may_go() -> Iterator[None]:
    """Before click sees a broken pipe, which it ends with status 1."""
    try:
        yield
    except BrokenPipeError as fault:
        raise ReaderGone from fault


class LazyCommands(Group):
    """Knows every command's name and line of help; imports its file only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"stream_app.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _reader_may_go():  # --help prints here
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _reader_may_go():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="loan-stream-scorer")
def cli() -> None:
    """An event-driven credit scorer: loan requests in, one decision or one rejection each out."""


def main() -> None:
    """Entry point. A mistake of the user is one message and an exit status, never a stack trace."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except ReaderGone:
        _discard_output()
    except OSError as fault:
        if fault.errno not in OUTPUT_FAULTS or fault.filename is not None:
            raise
        _discard_output()
        click.echo(f"stream-app: The output cannot be written ({fault.strerror}).", err=True)
        sys.exit(os.EX_IOERR)
    except ExpectedError as fault:
        click.echo(f"stream-app: {fault}", err=True)
        sys.exit(fault.exit_status)


def _discard_output() -> None:
    """What is left in the buffer goes nowhere; written at the interpreter's end, it would fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
