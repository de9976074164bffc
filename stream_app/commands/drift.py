"""``stream-app drift``: what the monitor found, window by window, in the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from stream_app.commands.options import store_option, to_stderr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_app.drift_events import DriftEvent


@click.command("drift")
@store_option
@click.option("--last", type=click.IntRange(1), default=12, show_default=True, help="The last N closed windows.")
@click.option("--feature", "features", multiple=True, metavar="NAME", help="Only this feature's line; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One drift event a line, as on loan.drift.")
def command(store: str, last: int, features: tuple[str, ...], as_json: bool) -> None:
    """Show the closed windows: which drifted, by what, and whether defaults come as predicted.

    Reads the decision store alone: neither a broker nor the monitor needs to run. Alarms are in capitals, and red in a
    terminal.

    The upper table has a row a window. Defaults become known before paid loans do, so calibration judges bounds of
    observed ÷ predicted defaults that hold however the open loans end. PD TOO LOW means that the quotient is above 1.4,
    PD TOO HIGH that it is below 0.7, whichever way they end; unknown means that it is too early to tell.

    The lower table has a line a feature, one block a window, the oldest left: its population stability index (PSI) over
    its limit, which follows from the number of decisions. A block above half its height is drift.

    \b
    stream-app drift --last 48                    four years of monthly windows
    stream-app drift --feature low_doc            one feature
    stream-app drift --json | jq -r .verdict      for a program
    """
    if as_json and features:
        raise click.UsageError("Take --feature or --json, not both: an event has all features.")
    from monitoring.store import DecisionStore

    with DecisionStore.open(store, read_only=True) as opened:
        events = opened.windows(last)
    if not events:
        to_stderr("No window is closed yet: a window closes when later requests, and the lateness, have passed it.")
    elif as_json:
        import msgspec

        for event in events:
            click.echo(msgspec.json.encode(event))
    else:
        _show(events, features)


def _show(events: Sequence[DriftEvent], features: tuple[str, ...]) -> None:
    from rich.console import Console

    from monitoring.display.feature_table import LEGEND, feature_grid, left_out
    from monitoring.display.verdicts import features_of, summary
    from monitoring.display.window_table import window_grid

    known = features_of(events)
    if unknown := [name for name in features if name not in known]:
        raise click.UsageError(f"No such feature: {', '.join(unknown)}. There are: {', '.join(known)}.")
    notes = [LEGEND]
    if not features and (hidden := left_out(events)):
        notes.append(f"{hidden} more features never drifted; --feature NAME shows one.")
    grids = (window_grid(events), feature_grid(events, features))
    console = Console(file=sys.stdout, highlight=False)
    if console.is_terminal:
        console.print(
            *(grid.table(console.width) for grid in grids), *notes, "", summary(events), sep="\n", markup=False
        )
    else:
        click.echo("\n".join([*grids[0].lines(), "", *grids[1].lines(), *notes, "", summary(events)]))
