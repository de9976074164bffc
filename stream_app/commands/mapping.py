"""``stream-app mapping``: try a mapping file of foreign requests."""

from __future__ import annotations

from pathlib import Path

import click

from stream_app.commands.options import bundle_option
from stream_app.commands.suggestions import Group


@click.group("mapping", cls=Group)
def command() -> None:
    """Check a mapping file, which makes the contract's requests of foreign ones, and try it on a record."""


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--sample", type=click.Path(path_type=Path), help="A foreign record, as JSON, to be mapped.")
@bundle_option
def check(file: Path, sample: Path | None, bundle: Path | None) -> None:
    """Check FILE against the contract, and print where each field comes from; with --sample, what a scorer would read.

    What is printed of the sample is personal data. A record that a scorer would reject ends with status 2.
    """
    import msgspec

    from stream_app.mapping.file import read_mapping
    from stream_app.tables.columns import read_contract
    from stream_app.tables.foreign import read_foreign_request

    contract = read_contract(bundle)
    mapper = read_mapping(file, contract)
    if sample is None:
        for name, path in mapper.paths().items():
            click.echo(f"{name} <- {path}")
        return
    request = read_foreign_request(sample, contract, mapper)
    click.echo(msgspec.json.format(msgspec.json.encode(request), indent=2).decode())
