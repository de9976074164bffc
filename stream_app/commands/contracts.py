"""``stream-app contracts``: the topics' contracts as documents."""

from __future__ import annotations

from pathlib import Path

import click

from stream_app.commands.options import bundle_option


@click.command("contracts")
@bundle_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="docs/contracts",
    show_default=True,
    help="Folder to write to.",
)
def command(bundle: Path | None, out: Path) -> None:
    """Write the JSON Schemas of every record and of a rejection's headers, and an AsyncAPI 3 document."""
    from stream_app.schemas import write_documents
    from stream_app.tables.columns import read_contract

    for path in write_documents(read_contract(bundle), out):
        click.echo(path)
