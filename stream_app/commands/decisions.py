"""``stream-app decisions``: read the decisions."""

from __future__ import annotations

from typing import Any

import click

from stream_app.commands.reading_options import reading_options, records, show


@click.command("decisions")
@reading_options
def command(as_json: bool, **options: Any) -> None:
    """Show the decisions up to now, or follow them.

    With --json each line is the decision as it was published, features included.
    """
    from stream_app.record_lines import DECISIONS_HEADER, decision_json, decision_line

    def line(record: Any) -> str:
        return decision_json(record) if as_json else decision_line(record)

    show(map(line, records("decisions", **options)), None if as_json else DECISIONS_HEADER)
