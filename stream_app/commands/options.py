"""What several commands share: options, and how a listing is read and printed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stream_app.commands.suggestions import Choice
from stream_app.kafka_connection.addresses import kafka_servers
from stream_app.setting_errors import PREFIX

if TYPE_CHECKING:
    from models.tables.table_format import TableFormat
    from stream_app.formats.opening import Formats
    from stream_app.kafka_connection.connection import KafkaConnection

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


class KafkaServers(click.ParamType):
    """``HOST:PORT[,HOST:PORT]``."""

    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return ",".join(kafka_servers(value))
        except ValueError as fault:
            self.fail(f"{fault}.", param, ctx)


class Text(click.ParamType):
    """Words in UTF-8, as ids and names are: Python passes other bytes on as what no store takes."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            self.fail("This is no text in UTF-8.", param, ctx)
        return str(value)


def topic_formats(topic_prefix: str, bundle: Path | None = None) -> Formats:
    """The formats that the environment states; ``bundle``: its contract says what is written. Raises SettingsError."""
    from stream_app.formats.opening import Formats
    from stream_app.settings import ConnectionSettings
    from stream_app.tables.columns import read_contract
    from stream_app.topics import TopicNames

    return Formats.of(ConnectionSettings.read(), TopicNames.prefixed(topic_prefix), read_contract(bundle))


def connection_to(kafka: str | None) -> KafkaConnection:
    """The connection to these servers, None for those that the environment or its properties file names, with the TLS
    and SASL that it states. Raises SettingsError.
    """
    from stream_app.settings import ConnectionSettings

    return ConnectionSettings.read(kafka=kafka).connection


class Setting(click.Option):
    """An option named like the setting whose environment variable it also reads.

    ``aliases``: names it had before; they work and are not shown. A misspelt ``STREAM_APP_*`` variable is an error.
    """

    def __init__(self, names: list[str], aliases: Iterable[str] = (), **attributes: Any) -> None:
        variable = PREFIX + names[0].lstrip("-").replace("-", "_").upper()
        super().__init__(names, envvar=variable, callback=_check_environment, **attributes)
        self._aliases = aliases

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        shown, self.opts = self.opts, [*self.opts, *self._aliases]
        super().add_to_parser(parser, ctx)
        self.opts = shown


def _check_environment(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
    if any(name.upper().startswith(PREFIX) for name in os.environ):
        from stream_app.settings import check_environment  # pydantic takes a while: only where there is something

        check_environment()
    return value


def all_of(*options: Decorator[Any]) -> Decorator[Any]:
    """These options as one decorator, shown in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


BUNDLE = click.Path(path_type=Path)
ENGINE = Choice(["auto", "kafka", "tansu"])

bundle_option = click.option(
    "--bundle",
    cls=Setting,
    type=BUNDLE,
    help="Bundle folder, for its contract and reference sample (default: the shipped one).",
)
store_option = click.option(
    "--store",
    cls=Setting,
    default="decisions.db",
    show_default=True,
    help="Decision store of the monitor: an SQLite file, or a URL such as postgresql://USER@HOST/NAME.",
)
broker_options = all_of(
    click.option(
        "--kafka",
        cls=Setting,
        type=KafkaServers(),
        help="Bootstrap servers, separated by commas.  [default: 127.0.0.1:9092]",
    ),
    click.option("--topic-prefix", cls=Setting, aliases=["--prefix"], default="", help="Text before every topic name."),
    click.option(
        "--broker-wait-seconds",
        cls=Setting,
        aliases=["--wait"],
        type=click.FloatRange(0),
        default=30.0,
        show_default=True,
        help="How long to wait for the broker; 0: one attempt.",
    ),
)
role_options = all_of(  # their environment variables are read with all other settings, and every problem is listed
    click.option("--kafka", metavar="HOST:PORT", help="Bootstrap servers, separated by commas."),
    click.option("--topic-prefix", help="Text before every topic name."),
    click.option("--bundle", type=BUNDLE, help="Model bundle folder (default: the shipped one)."),
    click.option(
        "--log-level", type=Choice(["debug", "info", "warning", "error"]), help="Lowest level that is logged."
    ),
)
reading_options = all_of(
    broker_options,
    click.option("--follow", "-f", is_flag=True, help="Then print each new one until Ctrl-C."),
    click.option("--last", type=click.IntRange(0), help="Only the last N (with --follow the default is 0)."),
    click.option("--from-beginning", is_flag=True, help="All of them (the default without --follow)."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
)


table_options = all_of(
    click.option("--delimiter", help="Between the cells of a CSV file; \\t is a tab (default: found out)."),
    click.option("--encoding", help="Character set of a CSV file (default: its mark's, UTF-8, or else cp1252)."),
    click.option("--decimal", type=Choice([".", ","]), help="Decimal sign of a CSV file (default: found out)."),
    click.option("--date-format", help="How dates are written, as %d/%m/%Y or %b-%Y (default: ISO 8601)."),
    click.option("--drop", multiple=True, metavar="COLUMN", help="Leave COLUMN out of the table; may be repeated."),
)
"""How a table is written; :func:`table_format` takes them."""


def table_format(options: Mapping[str, Any]) -> TableFormat:
    """What the options of a command say of a table. Raises click.UsageError for a delimiter of several characters."""
    from models.tables.table_format import TableFormat

    delimiter = {"\\t": "\t", "tab": "\t"}.get(options["delimiter"], options["delimiter"])
    if delimiter is not None and len(delimiter) != 1:
        raise click.UsageError("--delimiter is one character.")
    return TableFormat(delimiter, options["encoding"], options["decimal"], tuple(options["drop"]))


def to_stderr(line: str) -> None:
    """Print a line beside the output, which may go into a pipe."""
    click.echo(line, err=True)


def read_records(
    topic: str,
    *,
    kafka: str | None,
    topic_prefix: str,
    broker_wait_seconds: float,
    follow: bool,
    last: int | None,
    from_beginning: bool,
) -> Iterator[Any]:
    """The records that the reading options ask for; ``topic`` is the name of a field of TopicNames."""
    if from_beginning and last is not None:
        raise click.UsageError("Take --from-beginning or --last, not both.")
    from stream_app.commands.read_topic import Span, read
    from stream_app.topics import TopicNames

    if follow and not from_beginning:
        last = last or 0
    name = getattr(TopicNames.prefixed(topic_prefix), topic)
    return read(connection_to(kafka), name, Span(last=last, follow=follow), broker_wait_seconds, say=to_stderr)


def print_lines(lines: Iterable[str], header: str | None) -> None:
    """Print the lines as they come, the header above the first; without any, one line on standard error."""
    number = 0
    for number, line in enumerate(lines, start=1):
        if number == 1 and header:
            click.echo(header)
        click.echo(line)
    if not number:
        to_stderr("There are none yet.")
