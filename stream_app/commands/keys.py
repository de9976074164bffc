"""``stream-app keys``: make, list and remove the gateway's API keys."""

from __future__ import annotations

from pathlib import Path

import click

from stream_app.commands.options import Setting, Text
from stream_app.commands.suggestions import Choice, Group

_KEYS = click.option(
    "--keys",
    "path",
    cls=Setting,
    aliases=["--file"],
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("keys.txt"),
    show_default=True,
    help="The key file; it holds names, roles and hashes, not the keys.",
)


@click.group("keys", cls=Group)
def command() -> None:
    """Make, list and remove the gateway's API keys.

    A running gateway uses the changed file within a second.
    """


@command.command("add")
@click.argument("name", type=Text())
@click.option(
    "--role",
    type=Choice(["read", "request"]),
    required=True,
    help="read: decisions, status, dashboard. request: these, and asking for decisions.",
)
@_KEYS
def add(name: str, role: str, path: Path) -> None:
    """Make a key for NAME and print it. It is printed this once and stored nowhere."""
    from stream_app.gateway.api_keys import Keys, Role

    known = Keys.read(path, at_least=0) if path.exists() else Keys({})
    keys, key = known.with_new(name, Role(role))
    keys.write(path)
    click.echo(key)
    click.echo(f"The key of {name} is above and nowhere else; its hash is in {path}.", err=True)


@command.command("list")
@_KEYS
def show(path: Path) -> None:
    """Print each key's name and role."""
    from stream_app.gateway.api_keys import Keys

    for line in Keys.read(path, at_least=0).lines():
        click.echo(" ".join(line.split()[:2]))


@command.command("remove")
@click.argument("name", type=Text())
@_KEYS
def remove(name: str, path: Path) -> None:
    """Remove the key of NAME."""
    from stream_app.gateway.api_keys import Keys

    Keys.read(path).without(name).write(path)
    click.echo(f"The key of {name} is removed; a running gateway refuses it within a second.", err=True)
