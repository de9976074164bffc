"""``stream-app rejections``: print the rejections."""

from __future__ import annotations

from typing import Any

import click

from stream_app.commands.options import print_lines, read_records, reading_options


@click.command("rejections")
@reading_options
@click.option("--payload", is_flag=True, help="Print the rejected request too. It is personal data.")
def command(as_json: bool, payload: bool, **options: Any) -> None:
    """Print the rejections up to now, or follow them: reason, message, key, and the position of the request.

    The request itself is printed only with --payload.
    """
    records = read_records("rejections", **options)
    from stream_app.commands.formats import REJECTIONS_HEADER, rejection_json, rejection_line

    def line(record: Any) -> str:
        return rejection_json(record, payload) if as_json else rejection_line(record, payload)

    print_lines(map(line, records), None if as_json else REJECTIONS_HEADER)
