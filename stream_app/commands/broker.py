"""``stream-app broker``: the embedded broker in the foreground."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream_app.commands.options import ENGINE

if TYPE_CHECKING:
    from stream_app.broker import Broker, Choice


@click.command("broker")
@click.option(
    "--engine",
    type=ENGINE,
    default="auto",
    show_default=True,
    help="kafka: Apache Kafka (Java 17; Maven fetches it once). tansu: no Java, no transactions, memory only. "
    "auto: kafka if it can be had, else tansu.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9092,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which Apache Kafka keeps the records from one run to the next; without it they "
    "are deleted at the end.",
)
@click.option(
    "--secure",
    is_flag=True,
    help="Apache Kafka with TLS, passwords (SASL_SSL, SCRAM) and rights: a user for each role, each with a properties "
    "file, made anew for this run.",
)
def command(engine: Choice, port: int, data: Path | None, secure: bool) -> None:
    """Run a broker in the foreground until Ctrl-C."""
    if secure and engine == "tansu":
        raise click.UsageError("--secure starts Apache Kafka: leave out --engine tansu.")
    from stream_app.broker import start_broker
    from stream_app.topics import TopicNames, rights_by_role

    users = rights_by_role(TopicNames()) if secure else None
    with start_broker(engine, port=port, data_dir=data, users=users, say=click.echo) as broker:
        asked_to_stop = _on_signals()
        for user, file in broker.users.items():
            click.echo(f"As {user}: STREAM_APP_KAFKA={broker.bootstrap} STREAM_APP_KAFKA_PROPERTIES={file}")
        click.echo(f"Broker ready at {broker.bootstrap}. {broker.description}")
        click.echo("Ctrl-C stops it.")
        _wait(broker, asked_to_stop)
    click.echo("Broker stopped.")


def _on_signals() -> threading.Event:
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    return asked_to_stop


def _wait(broker: Broker, asked_to_stop: threading.Event) -> None:
    """Until asked to stop; raises BrokerUnreachable if the broker ends by itself."""
    from stream_app.errors import BrokerUnreachable

    while not asked_to_stop.wait(0.5):
        if broker.ended():
            raise BrokerUnreachable(
                f"The {broker.engine} broker ended by itself.",
                do_next=f"Correct what its log names and start it again:\n{broker.last_lines()}",
            )
