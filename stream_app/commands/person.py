"""``stream-app person``: what is held about one client, exported or erased."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream_app.commands.options import (
    Setting,
    Text,
    all_of,
    broker_options,
    bundle_option,
    connection_to,
    store_option,
)
from stream_app.commands.suggestions import Group

if TYPE_CHECKING:
    from monitoring.store import DecisionStore
    from stream_app.commands.person_topics import TopicHolding

_KEY = click.option(
    "--pseudonym-key-file",
    "key_file",
    cls=Setting,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The key of the decision store's pseudonyms, if it has them.",
)
_places = all_of(
    click.option(
        "--clients",
        cls=Setting,
        default="clients.db",
        show_default=True,
        help="Client store: an SQLite file, or redis://HOST:PORT/NUMBER.",
    ),
    store_option,
    _KEY,
    broker_options,
    click.option("--without-broker", is_flag=True, help="Leave the topics aside; do not ask the broker."),
)


@click.group("person", cls=Group)
def command() -> None:
    """Export or erase what is held about one client.

    docs/how-to/personal-data.md says what lies where, and for how long.
    """


@command.command("export")
@click.argument("client_id", type=Text())
@_places
@bundle_option
@click.option("--topics", "read_topics", is_flag=True, help="Read the topics too, from their beginning.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write, for its owner alone.")
def export(
    client_id: str,
    clients: str,
    store: str,
    key_file: Path | None,
    bundle: Path | None,
    out: Path | None,
    **topics: Any,
) -> None:
    """Print everything that is held about CLIENT_ID as one JSON document.

    Profile and latest application, decisions with features and reasons, labels, the closed windows whose figures they
    are part of, and which topics may hold records of the client until when.
    """
    import msgspec

    from stream_app.commands.person_export import document
    from stream_app.tables.columns import read_contract

    holdings = _holdings(client_id, **topics)
    with _decision_store(store, key_file, read_only=True) as opened:
        exported = document(client_id, clients, opened, read_contract(bundle), holdings)
    text = msgspec.json.format(msgspec.json.encode(exported), indent=2).decode()
    if out is None:
        click.echo(text)
        return
    from stream_app.commands.person_export import write

    write(out, text + "\n")


@command.command("erase")
@click.argument("client_id", type=Text())
@_places
@click.option(
    "--reports",
    cls=Setting,
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder of the monitor's reports.",
)
@click.option("--yes", is_flag=True, help="Do it. Without, nothing is erased.")
def erase(
    client_id: str,
    clients: str,
    store: str,
    key_file: Path | None,
    reports: Path,
    yes: bool,
    kafka: str | None,
    topic_prefix: str,
    broker_wait_seconds: float,
    without_broker: bool,
) -> None:
    """Erase CLIENT_ID; without --yes only say what that would be.

    A null goes to the topic of profiles, loan.clients. Profile, latest application, decisions, labels and the reports
    drawn from those decisions are deleted, and a row of the decision store says who did it. The figures of closed
    windows stay. Records on the other topics go with the topics' retention; read again, they are not stored.
    """
    from stream_app.commands import person_erase
    from stream_app.commands.person_topics import send_null

    holdings = _holdings(client_id, kafka, topic_prefix, broker_wait_seconds, without_broker, erasing=True)
    with _decision_store(store, key_file, read_only=not yes) as opened:
        plan = person_erase.plan(client_id, clients, opened, reports, holdings)
        for line in plan.lines:
            click.echo(line)
        if not yes:
            click.echo("Nothing was erased. Add --yes to erase it for good.")
            return
        if plan.profile_topic:
            send_null(connection_to(kafka), plan.profile_topic, client_id)
        done = person_erase.erase(client_id, clients, opened, reports, plan)
    click.echo(f"Erased: {done.text}.")


@command.command("erasures")
@store_option
def erasures(store: str) -> None:
    """Print who erased what, a JSON object a line: a keyed hash of the client id, time, user and counts."""
    import msgspec

    with _decision_store(store, None, read_only=True, looks_up=False) as opened:
        for erasure in opened.erasures():
            fields = erasure._asdict()
            erased_at = dt.datetime.fromtimestamp(fields.pop("erased_at_us") / 1e6, dt.UTC)
            click.echo(msgspec.json.encode({"erased_at": erased_at, **fields}).decode())


@command.command("copy-erasures")
@click.argument("old_store")
@store_option
def copy_erasures(old_store: str, store: str) -> None:
    """Add the erasures of OLD_STORE to the store, which is made if there is none.

    For a new store, before a monitor reads the topics into it: else it would store again what was erased.
    """
    with _decision_store(old_store, None, read_only=True, looks_up=False) as old:
        rows, key = old.erasures(), old.erasure_key()
    with _decision_store(store, None, read_only=False, looks_up=False, create=True) as new:
        click.echo(f"{new.take_over_erasures(rows, key)} erasures were added to {new.name}.")


@command.command("pseudonymise")
@store_option
@_KEY
def pseudonymise(store: str, key_file: Path | None) -> None:
    """Replace the ids in a decision store by their pseudonyms, in place. There is no way back.

    Stop the monitor before, and start monitor and gateway with the same key.
    """
    from monitoring.store import Ids

    if key_file is None:
        raise click.UsageError("Name the key with --pseudonym-key-file.")
    ids = Ids.read(key_file)
    with _decision_store(store, None, read_only=False, looks_up=False) as opened:
        count = opened.pseudonymise(ids)
        click.echo(f"{count:,} decisions and their labels have pseudonyms now, in {opened.name}.")


def _decision_store(
    url: str, key_file: Path | None, *, read_only: bool, looks_up: bool = True, create: bool = False
) -> DecisionStore:
    from monitoring.store import DecisionStore, Ids

    ids = Ids.read(key_file) if looks_up else None
    return DecisionStore.open(url, read_only=read_only, create=create, ids=ids)


def _holdings(
    client_id: str,
    kafka: str | None,
    topic_prefix: str,
    broker_wait_seconds: float,
    without_broker: bool,
    read_topics: bool = False,
    erasing: bool = False,
) -> list[TopicHolding] | None:
    if without_broker:
        return None
    from stream_app.commands.person_topics import holdings
    from stream_app.topics import TopicNames

    names = TopicNames.prefixed(topic_prefix)
    return holdings(
        connection_to(kafka), names, client_id, broker_wait_seconds, with_records=read_topics, erasing=erasing
    )
