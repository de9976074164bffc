"""``stream-app produce``: send the rows of a file as loan requests, or as their labels."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream_app.commands.options import (
    broker_options,
    bundle_option,
    connection_to,
    table_format,
    table_options,
    to_stderr,
    topic_formats,
)

if TYPE_CHECKING:
    from stream_app.formats.format import Format
    from stream_app.tables.messages import Message


@click.command("produce")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--outcomes", is_flag=True, help="The rows are labels: whether the loans of requests sent before defaulted."
)
@click.option("--sample", type=click.IntRange(1), help="Send the first N applications of 2005-2008 instead of a FILE.")
@broker_options
@bundle_option
@click.option(
    "--id", "id_name", help="Column of the client id (default: the one the contract names; of labels: client_id)."
)
@click.option(
    "--request-id",
    help="Column of the request id (default: made of client id, row, date and content; of labels: request_id).",
)
@click.option("--date", help="Column of the event time, ISO 8601 (default: now; of labels: observed_at).")
@click.option(
    "--defaulted", help="Column that says whether the loan defaulted, 0/1 or false/true (default: defaulted)."
)
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    help="FILE holds foreign records, as JSON Lines, and this mapping file says what they mean.",
)
@table_options
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Records per second (default: no limit).")
def command(file: Path | None, outcomes: bool, sample: int | None, **options: Any) -> None:
    """Send each row of FILE (CSV, Parquet or JSON) as a loan request; wait until the broker has them all.

    Columns that are features of the contract become the request's features; an empty cell means that the value is
    missing. Features without a column come from the client's profile. The client id and the contract's required
    features must be columns: without them nothing is sent.

    A file sent again with --date (or --sample) repeats the same requests, and the scorer skips those it has decided.
    Without --date the rows are dated now and are new requests; if --request-id gives them ids that were used before,
    they are rejected as conflicting_request.

    With --outcomes each row says whether one loan defaulted: request_id, client_id, defaulted and observed_at, the day
    it became known. With --sample as well, these are the labels of the sample's applications.
    """
    if (file is None) == (sample is None):
        raise click.UsageError("Name a FILE to send, or --sample N, and not both.")
    if options["defaulted"] and not outcomes:
        raise click.UsageError("--defaulted names a column of outcomes: add --outcomes.")
    if options["mapping"] and (outcomes or sample or options["id_name"] or options["request_id"] or options["date"]):
        raise click.UsageError("--mapping says itself where ids and dates are: leave the options about columns out.")
    from stream_app.commands.send import send
    from stream_app.events import CONTRACT_HEADER
    from stream_app.kafka_rights import Right, require_rights
    from stream_app.topics import TopicNames, check_topics, wait_for_broker

    formats = topic_formats(options["topic_prefix"], options["bundle"])
    topic_format = formats.outcomes if outcomes else formats.requests
    make = _label_messages if outcomes else _request_messages
    formats.prepare(topic_format, wait_seconds=options["broker_wait_seconds"], say=to_stderr)
    messages = make(file, sample, topic_format, **options)
    names = TopicNames.prefixed(options["topic_prefix"])
    topic, what = (names.outcomes, "outcomes") if outcomes else (names.requests, "requests")
    connection = connection_to(options["kafka"])
    wait_for_broker(connection, options["broker_wait_seconds"], say=to_stderr)
    require_rights(connection, "label-producer" if outcomes else "producer", [Right("Write", "topic", topic)])
    check_topics(connection, names=names, needed=[topic])
    with _progress(len(messages)) as sent_one_more:
        headers = [] if outcomes else [CONTRACT_HEADER]
        count = send(messages, connection, topic, options["rate"], sent_one_more, headers)
    click.echo(f"{count:,} {what} are on {topic} at {connection}.")


def _request_messages(file: Path | None, sample: int | None, requests: Format, **options: Any) -> list[Message]:
    from models.tables.read import read_table
    from stream_app.demo.loan_book import read_replay
    from stream_app.mapping.file import read_mapping
    from stream_app.tables.columns import read_contract
    from stream_app.tables.foreign import read_foreign_requests
    from stream_app.tables.messages import request_message
    from stream_app.tables.requests import RequestColumns, requests_of

    contract = read_contract(options["bundle"])
    if file is None:
        return [request_message(request, requests) for request in read_replay(contract, sample).requests]
    if options["mapping"]:
        mapper = read_mapping(options["mapping"], contract)
        return [request_message(request, requests) for request in read_foreign_requests(file, contract, mapper)]
    columns = RequestColumns(
        client_id=options["id_name"] or contract.id_column,
        request_id=options["request_id"],
        date=options["date"],
        date_format=options["date_format"],
    )
    rows = requests_of(read_table(file, table_format(options)), contract, columns, dt.datetime.now(dt.UTC))
    return [request_message(row, requests) for row in rows]


def _label_messages(file: Path | None, sample: int | None, outcomes: Format, **options: Any) -> list[Message]:
    """In the order they became known."""
    from models.tables.read import read_table
    from stream_app.demo.loan_book import read_replay
    from stream_app.tables.columns import read_contract
    from stream_app.tables.labels import LabelColumns, labels_of
    from stream_app.tables.messages import label_message

    named = {
        "request_id": options["request_id"],
        "client_id": options["id_name"],
        "defaulted": options["defaulted"],
        "observed_at": options["date"],
        "date_format": options["date_format"],
    }
    columns = LabelColumns(**{field: column for field, column in named.items() if column})
    labels = (
        read_replay(read_contract(options["bundle"]), sample).labels
        if file is None
        else labels_of(read_table(file, table_format(options)), columns)
    )
    return [label_message(label, outcomes) for label in sorted(labels, key=lambda label: label.observed_at)]


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar in a terminal, nothing elsewhere; gives what to call for each delivery."""
    stderr = click.get_text_stream("stderr")
    if not stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=total, label="sent", show_pos=True, file=stderr) as bar:
        yield lambda: bar.update(1)
