"""``stream-app decisions``: print the decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from stream_app.commands.options import print_lines, read_records, reading_options, to_stderr, topic_formats


@click.command("decisions")
@reading_options
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Rows of CSV: timestamp, client_id, score, decision, response time, id.",
)
def command(as_json: bool, as_csv: bool, **options: Any) -> None:
    """Print the decisions up to now, or follow them.

    With --json each line is the decision as it was published, features included; Avro is shown as JSON.

    With --csv the columns are timestamp (when it was decided, UTC), client_id, score (the probability of default, 0 to
    1, higher is riskier), decision (approved, review or refused) and response_time_ms (from the time of the request's
    record to that of the decision's; empty where it is not known) and request_id.
    """
    if as_json and as_csv:
        raise click.UsageError("Take --json or --csv, not both.")
    from stream_app.commands.formats import (
        DECISIONS_CSV_HEADER,
        DECISIONS_HEADER,
        decision_json,
        decision_line,
        with_json_value,
    )

    decisions = topic_formats(options["topic_prefix"]).decisions
    records = (with_json_value(record, decisions) for record in read_records("decisions", **options))
    if as_csv:
        click.echo(DECISIONS_CSV_HEADER)  # at once and always: a table without rows is one, too
        print_lines(_csv(records), None)
    else:
        print_lines(map(decision_json if as_json else decision_line, records), None if as_json else DECISIONS_HEADER)


def _csv(records: Iterable[Any]) -> Iterator[str]:
    """The rows; what is no decision is a line on standard error."""
    from stream_app.commands.formats import decision_csv, decision_line

    for record in records:
        if (row := decision_csv(record)) is None:
            to_stderr(decision_line(record))
        else:
            yield row
