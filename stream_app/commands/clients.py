"""``stream-app clients``: put client profiles into the store the scorers read, and look into it."""

from __future__ import annotations

from pathlib import Path

import click

from stream_app.commands.options import bundle_option

_STORE = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default="clients.db",
    show_default=True,
    envvar="STREAM_APP_CLIENTS",
    help="SQLite file of the profiles.",
)


@click.group("clients")
def command() -> None:
    """Load client profiles into the client store, and look into it."""


@command.command("load")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_STORE
@bundle_option
@click.option("--id", "id_name", help="Column of the client id (default: the one the contract names).")
def load(file: Path | None, store: Path, bundle: Path | None, id_name: str | None) -> None:
    """Load FILE (CSV, Parquet or JSON Lines; default: the shipped loan book) into the store.

    Columns that are features of the contract become the profile; the others are left out. Of several rows with one id
    the last counts. A profile that breaks the contract stops the load, and nothing of the file is stored. Running
    scorers use the new profiles from their next batch on.
    """
    from stream_app.profiles import load_profiles

    clients = load_profiles(file, store, bundle, id_name)
    click.echo(f"Loaded. The store {store} knows {clients:,} clients.")


@command.command("count")
@_STORE
def count(store: Path) -> None:
    """Print how many clients the store knows."""
    from stream_app.clients import SQLiteClients

    with SQLiteClients(store) as clients:
        click.echo(clients.count())


@command.command("show")
@click.argument("client_id")
@_STORE
def show(client_id: str, store: Path) -> None:
    """Print the profile of CLIENT_ID as JSON. It is personal data."""
    from stream_app.clients import SQLiteClients
    from stream_app.errors import InputFileError

    with SQLiteClients(store) as clients:
        profile = clients.get_many([client_id]).get(client_id)
    if profile is None:
        raise InputFileError(f"The store {store} knows no such client.", do_next="Load its profile, or correct the id.")
    click.echo(profile.decode())
