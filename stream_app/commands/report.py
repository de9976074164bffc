"""``stream-app report``: an Evidently report of stored decisions, on demand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream_app.commands.options import Text, bundle_option, store_option

if TYPE_CHECKING:
    from monitoring.reports.build import Days

DAY = click.DateTime(["%Y-%m-%d"])


@click.command("report")
@click.argument("window_id", type=Text(), required=False)
@click.option("--from", "first", type=DAY, metavar="DAY", help="First day of the requests, instead of a window; UTC.")
@click.option("--to", "last", type=DAY, metavar="DAY", help="Last day of the requests, included.")
@click.option(
    "--against-from",
    type=DAY,
    metavar="DAY",
    help="First day of the decisions to compare with.  [default: the bundle's reference instead]",
)
@click.option("--against-to", type=DAY, metavar="DAY", help="Last day of those, included.")
@store_option
@bundle_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; replaced when it is there.  [default: window-WINDOW_ID.html, or decisions-DAY-DAY.html]",
)
def command(
    window_id: str | None,
    first: datetime | None,
    last: datetime | None,
    against_from: datetime | None,
    against_to: datetime | None,
    store: str,
    bundle: Path | None,
    out: Path | None,
) -> None:
    """Write the Evidently report of window WINDOW_ID, or of the decisions of some days, as one HTML file.

    Compares all features, the probability of default and the outcome mix, by default with the sample of the training
    data that the bundle keeps. Reads the decision store alone. `stream-app drift` lists the windows. The file
    needs no network and draws at most 20,000 decisions, evenly chosen. It holds no single decision and no id, but the
    smallest and the largest value of each number.

    \b
    stream-app report 2007-03
    stream-app report 2007-03 --against-from 2006-03-01 --against-to 2006-03-31
    stream-app report --from 2007-01-01 --to 2007-06-30 --out first-half-of-2007.html
    """
    _check(first, last, "--from", "--to")
    _check(against_from, against_to, "--against-from", "--against-to")
    if (window_id is None) == (first is None):
        raise click.UsageError("Name a WINDOW_ID, or --from and --to, and not both.")
    from models.bundle import shipped_bundle
    from monitoring.baseline import BundleSource
    from monitoring.reports.build import write_comparison, write_window
    from monitoring.reports.folder import name_of
    from stream_app.settings import MonitorSettings

    source = BundleSource(bundle or shipped_bundle(), MonitorSettings.read().origin)
    against = _days(against_from, against_to)
    if days := _days(first, last):
        path = out or Path(f"decisions-{days.first}-{days.last}.html")
        write_comparison(store, source, days, against, path)
    else:
        path = out or Path(name_of(window_id or ""))
        write_window(store, source, window_id or "", against, path)
    click.echo(path)


def _check(first: datetime | None, last: datetime | None, first_name: str, last_name: str) -> None:
    """Both ends or neither; the first not after the last."""
    if (first is None) != (last is None):
        raise click.UsageError(f"Give {first_name} and {last_name}, or neither.")
    if first and last and first > last:
        raise click.UsageError(f"There is no day from {first_name} {first:%Y-%m-%d} to {last_name} {last:%Y-%m-%d}.")


def _days(first: datetime | None, last: datetime | None) -> Days | None:
    from monitoring.reports.build import Days

    return Days(first.date(), last.date()) if first and last else None
