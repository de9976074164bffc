"""The options ``decisions`` and ``rejections`` share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from stream_app.commands.options import Command, broker_options, to_stderr

_OPTIONS = (
    broker_options,
    click.option("--follow", "-f", is_flag=True, help="Go on with each new one until Ctrl-C."),
    click.option("--last", type=click.IntRange(0), help="Only the last N (with --follow the default is 0)."),
    click.option("--from-beginning", is_flag=True, help="All there are (the default without --follow)."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
)


def reading_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def records(
    topic: str, *, kafka: str, prefix: str, follow: bool, last: int | None, from_beginning: bool, wait: float
) -> Iterator[Any]:
    """The records those options ask for; ``topic`` is the name of a field of TopicNames."""
    from stream_app.commands.read_topic import Span, read
    from stream_app.topics import TopicNames

    if from_beginning and last is not None:
        raise click.UsageError("Take --from-beginning or --last, not both.")
    if follow and not from_beginning:
        last = last or 0
    name = getattr(TopicNames.prefixed(prefix), topic)
    return read(kafka, name, Span(last=last, follow=follow), wait, say=to_stderr)


def show(lines: Iterable[str], header: str | None) -> None:
    """Print the lines as they come, the header above the first; says so on standard error when there are none."""
    number = 0
    for number, line in enumerate(lines, start=1):
        if number == 1 and header:
            click.echo(header)
        click.echo(line)
    if not number:
        to_stderr("There are none yet.")
