"""The command line: ``stream-app COMMAND``. Each command is one file of :mod:`stream_app.commands`.

A command is imported when it is named and nothing heavy is imported here: ``stream-app --help`` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from models.errors import ExpectedError
from stream_app.commands.standard_streams import (
    ReaderGone,
    discard,
    error_output,
    is_output_fault,
    open_standard_streams,
    reader_may_go,
)
from stream_app.commands.suggestions import Group

COMMANDS = {
    "demo": "Try everything: broker, scorer, monitor and gateway, a replay of the loan book, a summary.",
    "worker": "Score loan requests: the Faust worker.",
    "gateway": "Serve HTTP and the dashboard in front of the topics.",
    "broker": "Run an embedded broker (Apache Kafka or Tansu) in the foreground.",
    "topics": "Create or check the topics.",
    "clients": "Load client profiles into the client store, or have it follow a topic.",
    "mapping": "Check a mapping file of foreign requests, and try it on a record.",
    "person": "Export or erase what is held about one client.",
    "produce": "Send the rows of a file as loan requests, or as labels: whether each loan defaulted.",
    "decisions": "Print the decisions, or follow them.",
    "rejections": "Print the rejections, or follow them.",
    "monitor": "Watch the decisions for drift: the second Faust worker.",
    "drift": "Show the closed windows: what drifted, and whether defaults come as predicted.",
    "report": "Write an Evidently report of a window, or of the decisions of some days.",
    "keys": "Make, list and remove the gateway's API keys.",
    "score": "Score the rows of a file without a broker, with the numbers of the stream.",
    "train": "Train a model and write its bundle.",
    "contracts": "Write the JSON Schemas and the AsyncAPI document of the topics.",
}


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
        with reader_may_go():  # --help prints here
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with reader_may_go():
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
    open_standard_streams()
    sys.exit(_run())


def _run() -> int:
    """The exit status."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as mistake:
        with error_output():
            mistake.show()
        return mistake.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    except ReaderGone:
        discard(sys.stdout)
    except OSError as fault:
        if not is_output_fault(fault):
            raise
        discard(sys.stdout)
        return _fail(f"The output cannot be written ({fault.strerror}).", os.EX_IOERR)
    except ExpectedError as fault:
        return _fail(str(fault), fault.exit_status)
    return 0


def _fail(message: str, status: int) -> int:
    with error_output():
        click.echo(f"stream-app: {message}", err=True)
    return status
