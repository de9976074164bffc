"""``stream-app contracts``: the topics' contracts as documents."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("contracts")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    envvar="STREAM_APP_BUNDLE",
    help="Bundle whose contract names the features (default: the shipped one).",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="docs/contracts",
    show_default=True,
    help="Folder to write to.",
)
def command(bundle: Path | None, out: Path) -> None:
    """Write the JSON Schemas of requests, decisions and rejection headers, and an AsyncAPI 3 document."""
    from stream_app.documents import write_documents
    from stream_app.tables import read_contract

    for path in write_documents(read_contract(bundle), out):
        click.echo(path)
