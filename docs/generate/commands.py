"""Two pages of the reference: what every command prints with ``--help``, and every exit status."""

from __future__ import annotations

from collections.abc import Iterator

import click

import stream_app.errors
from docs.generate.markdown import page, table, words
from models.errors import ExpectedError
from stream_app.cli import cli

COMMANDS = "What `stream-app COMMAND --help` prints. [Exit statuses](exit-statuses.md) have a page of their own."
STATUSES = """
What a command or a process ends with, and what to do. Every message says what happened, what was kept and what to do
next. No status means lost data: what was not delivered is not committed, and is read again after the next start.
"""
OTHERS = (
    (
        0,
        "",
        "Done. `worker`, `monitor`, `gateway`: stopped on request, with everything in hand delivered and committed.",
    ),
    (2, "usage", "The command line is wrong. The message names the option."),
    (
        70,
        "",
        "A fault of the program itself; nothing in hand was committed. The log names its class and place: report it.",
    ),
    (74, "", "The output cannot be written, for example on a full disk."),
    (130, "", "Interrupted with Ctrl-C."),
    (137, "", "Killed from outside, most often for its memory; nothing in hand was committed."),
)


def commands() -> str:
    root = click.Context(cli, info_name="stream-app", terminal_width=100, max_content_width=100, **cli.context_settings)
    return page("Commands", COMMANDS, *_help(cli, root))


def _help(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if below := command.get_command(context, name):
                yield from _help(below, click.Context(below, parent=context, info_name=name))


def exit_statuses() -> str:
    of_errors = ((kind.exit_status, f"`{kind.reason}`", words(kind.__doc__)) for kind in _errors(ExpectedError))
    rows = ((str(status), reason, text) for status, reason, text in sorted([*of_errors, *OTHERS]))
    return page("Exit statuses", STATUSES, table("status|reason|meaning and next step", rows))


def _errors(kind: type[ExpectedError]) -> Iterator[type[ExpectedError]]:
    """The product's own error classes below ``kind``, without those that only group others."""
    for below in kind.__subclasses__():
        if below.__module__ in (stream_app.errors.__name__, ExpectedError.__module__):
            if below.exit_status != ExpectedError.exit_status:
                yield below
            yield from _errors(below)
