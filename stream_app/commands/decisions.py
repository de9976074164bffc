"""``stream-app decisions``: read the decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from stream_app.commands.options import to_stderr
from stream_app.commands.reading_options import reading_options, records, show


@click.command("decisions")
@reading_options
@click.option(
    "--csv", "as_csv", is_flag=True, help="Rows of CSV: timestamp, client_id, score, decision, response time."
)
def command(as_json: bool, as_csv: bool, **options: Any) -> None:
    """Show the decisions up to now, or follow them.

    With --json each line is the decision as it was published, features included.

    With --csv the columns are timestamp (when it was decided, UTC), client_id, score (the probability of default, 0 to
    1, higher is riskier), decision (approved, review or refused) and response_time_ms (from the time of the request's
    record to that of the decision's; empty where it is not known).
    """
    from stream_app.commands.formats import DECISIONS_CSV_HEADER, DECISIONS_HEADER, decision_json, decision_line

    if as_json and as_csv:
        raise click.UsageError("Take --json or --csv, not both.")
    found = records("decisions", **options)
    if as_csv:
        click.echo(DECISIONS_CSV_HEADER)  # at once and always: a table without rows is one, too
        show(_csv(found), None)
    else:
        show(map(decision_json if as_json else decision_line, found), None if as_json else DECISIONS_HEADER)


def _csv(found: Iterable[Any]) -> Iterator[str]:
    """The rows; what is no decision is told beside them."""
    from stream_app.commands.formats import decision_csv, decision_line

    for record in found:
        if (row := decision_csv(record)) is None:
            to_stderr(decision_line(record))
        else:
            yield row
