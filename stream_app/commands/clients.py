"""``stream-app clients``: put client profiles into the store the scorers read, and look into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream_app.commands.options import (
    Setting,
    Text,
    broker_options,
    bundle_option,
    connection_to,
    role_options,
    table_format,
    table_options,
    to_stderr,
)
from stream_app.commands.suggestions import Group

_CLIENTS = click.option(
    "--clients",
    "store",
    cls=Setting,
    aliases=["--store"],
    default="clients.db",
    show_default=True,
    help="Client store: an SQLite file, or redis://[USER:PASSWORD@]HOST:PORT/NUMBER. Put a password into "
    "STREAM_APP_CLIENTS instead: other users of the machine see options.",
)


@click.group("clients", cls=Group)
def command() -> None:
    """Load client profiles into the client store, or have it follow a topic; count and show them."""


@command.command("load")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_CLIENTS
@bundle_option
@click.option("--id", "id_name", help="Column of the client id (default: the one the contract names).")
@click.option("--keep-going", is_flag=True, help="Load the sound rows, and report the others.")
@table_options
def load(
    file: Path | None, store: str, bundle: Path | None, id_name: str | None, keep_going: bool, **written: Any
) -> None:
    """Load FILE (CSV, Parquet or JSON; default: the shipped loan book) into the store.

    Columns that are features of the contract become the profile; the others are left out. What is asked for (amount,
    guarantee and the like) also becomes the client's latest application, which GET /predict/CLIENT_ID of the gateway
    scores again. Of several rows with one id the last counts. A row that breaks the contract stops the load, and
    nothing of the file is stored; with --keep-going such rows are reported, and the others stored. Running scorers use
    the new profiles from their next batch on.
    """
    from stream_app.tables.profiles import load_clients

    clients = load_clients(file, store, bundle, id_name, table_format(written), to_stderr if keep_going else None)
    click.echo(f"Loaded. {_named(store)} knows {clients:,} clients.")


@command.command("count")
@_CLIENTS
def count(store: str) -> None:
    """Print how many clients the store knows."""
    from stream_app.clients import open_clients

    with open_clients(store) as clients:
        click.echo(clients.count())


@command.command("show")
@click.argument("client_id", type=Text())
@_CLIENTS
def show(client_id: str, store: str) -> None:
    """Print the profile and the latest application of CLIENT_ID (null: none) as JSON. They are personal data."""
    import msgspec

    from stream_app.clients import open_clients
    from stream_app.errors import InputFileError

    with open_clients(store) as clients:
        known = {
            "profile": clients.get_many([client_id]).get(client_id),
            "latest_application": clients.latest_applications([client_id]).get(client_id),
        }
    if not any(known.values()):
        raise InputFileError(f"{_named(store)} knows no such client.", do_next="Load its profile, or correct the id.")
    shown = {name: msgspec.Raw(content or b"null") for name, content in known.items()}
    click.echo(msgspec.json.encode(shown).decode())


@command.command("publish")
@click.argument("file", type=click.Path(path_type=Path))
@broker_options
@bundle_option
@click.option("--id", "id_name", help="Column of the client id (default: the one the contract names).")
@table_options
def publish(file: Path, bundle: Path | None, id_name: str | None, **options: Any) -> None:
    """Publish the profiles of FILE (CSV, Parquet or JSON) on loan.clients, whose followers store them.

    Each row is all that is known of a client, checked as by `clients load`, and takes the place of what was known.
    """
    from stream_app.commands.send import send
    from stream_app.tables.profiles import profile_messages
    from stream_app.topics import TopicNames, require_topic

    messages = profile_messages(file, bundle, id_name, table_format(options))
    names, connection = TopicNames.prefixed(options["topic_prefix"]), connection_to(options["kafka"])
    wait_seconds = options["broker_wait_seconds"]  # a broker that makes topics would not compact this one
    require_topic(connection, names, "profile-producer", wait_seconds=wait_seconds, say=to_stderr)
    count = send(messages, connection, names.clients, None, lambda: None)
    click.echo(f"{count:,} profiles are on {names.clients} at {connection}.")


@command.command("follow")
@role_options
@click.option("--clients", help="Client store: an SQLite file, or redis://HOST:PORT/NUMBER.")
@click.option("--web-host", help="Address of /metrics, /live and /ready.")
@click.option("--clients-port", type=int, help="Port of /metrics, /live and /ready; 0 takes a free one.")
def follow(**options: Any) -> None:
    """Keep the client store current from loan.clients until stopped.

    Stores each profile that is published there and deletes each client whose profile is null, together with how far it
    has read: it may be stopped or killed at any time, and goes on where it was. Running scorers use what it stored from
    their next batch on.
    """
    from stream_app.settings import FollowerSettings

    settings = FollowerSettings.read(**options)
    from stream_app.profile_events.process import run
    from stream_app.tables.columns import read_contract

    run(settings, read_contract(settings.bundle))


def _named(store: str) -> str:
    """The store as it may be shown: an address can hold a password."""
    return "The store" if "://" in store else f"The store {Path(store).absolute()}"
