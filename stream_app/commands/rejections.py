"""``stream-app rejections``: read the rejections."""

from __future__ import annotations

from typing import Any

import click

from stream_app.commands.reading_options import reading_options, records, show


@click.command("rejections")
@reading_options
@click.option("--payload", is_flag=True, help="Show what was rejected too. It is personal data.")
def command(as_json: bool, payload: bool, **options: Any) -> None:
    """Show the rejections up to now, or follow them: reason, message, key, and where the request lies.

    What was sent is shown only with --payload.
    """
    from stream_app.commands.formats import REJECTIONS_HEADER, rejection_json, rejection_line

    def line(record: Any) -> str:
        return rejection_json(record, payload) if as_json else rejection_line(record, payload)

    show(map(line, records("rejections", **options)), None if as_json else REJECTIONS_HEADER)
