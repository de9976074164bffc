"""Features over the windows as a table with a sparkline each, or those of one window with all their figures."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from monitoring.display.table import Cell, Column, Grid
from monitoring.display.verdicts import (
    ALARM,
    GOOD,
    NONE,
    OUTCOME_MIX,
    PROBABILITY,
    VERDICTS,
    feature_of,
    features_of,
    furthest_first,
    shift_of,
)
from stream_app.drift_events import DriftEvent, FeatureDrift, Shift

QUIET_ROWS = 20
"""Features that never drifted fill the table up to this many rows; those that did are all shown."""

LEGEND = "▁▂▃▄ within the limit by quarters · ▅▆▇█ beyond it: up to 1.5, 2, 3 times, more · a dot: too few to say"

_BLOCKS = "▁▂▃▄▅▆▇█"
_UP_TO = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Ratios of PSI to its limit at which the next block begins; 1 is the last that is no drift."""

_QUALITY = (
    Column("missing", right=True),
    Column("missing in\nreference", right=True, optional=True),
    Column("never\nseen", right=True, optional=True),
)


def feature_grid(events: Sequence[DriftEvent], features: Collection[str] = ()) -> Grid:
    """A row a distribution: PSI over its limit window by window, oldest left, and the figures of the latest window
    that had decisions enough.

    Those of ``features``; without any the probability, the outcome mix, and the features, the furthest out first.
    """
    names = list(features) or [PROBABILITY, OUTCOME_MIX, *_most_drifted_first(events)]
    latest = next((event for event in reversed(events) if event.verdict != "too_few"), events[-1])
    columns = (
        Column("distribution"),
        Column("windows"),
        Column("drifted\nin", right=True),
        Column("PSI", right=True),
        Column("limit", right=True),
        *_QUALITY,
    )
    title = f"PSI over its limit, {events[0].window.id} to {events[-1].window.id}; figures of {latest.window.id}"
    return Grid(title, columns, [_row(name, events, latest) for name in names])


def figures_grid(event: DriftEvent) -> Grid:
    """Every distribution of one window with its figures, the furthest beyond its limit first."""
    columns = (
        Column("distribution"),
        Column("verdict"),
        Column("PSI", right=True),
        Column("limit", right=True),
        Column("distance", right=True),
        Column("method"),
        *_QUALITY,
    )
    return Grid(
        f"Distributions of {event.window.id}",
        columns,
        [_figures(event, *named) for named in furthest_first(event).items()],
    )


def left_out(events: Sequence[DriftEvent]) -> int:
    """Features that :func:`feature_grid` does not show unless asked for; none of them drifted."""
    return len(features_of(events)) - len(_most_drifted_first(events))


def sparkline(shifts: Sequence[Shift | None]) -> str:
    """A block a window for PSI over its limit; a dot where there is none. See :data:`LEGEND`."""
    return "".join(_block(shift.ratio if shift else None) for shift in shifts)


def _block(ratio: float | None) -> str:
    return "·" if ratio is None else _BLOCKS[sum(ratio > limit for limit in _UP_TO)]


def _most_drifted_first(events: Sequence[DriftEvent]) -> list[str]:
    """All features that drifted, and quiet ones up to :data:`QUIET_ROWS`."""
    shifts = {name: [shift_of(event, name) for event in events] for name in features_of(events)}
    ordered = sorted(shifts, key=lambda name: -max((shift.ratio or 0.0 if shift else 0.0) for shift in shifts[name]))
    moved = [name for name in ordered if any(shift and shift.drifted for shift in shifts[name])]
    quiet = [name for name in ordered if name not in moved]
    return [*moved, *quiet[: max(0, QUIET_ROWS - len(moved))]]


def _row(name: str, events: Sequence[DriftEvent], latest: DriftEvent) -> list[Cell]:
    shifts = [shift_of(event, name) for event in events]
    times = sum(shift.drifted for shift in shifts if shift)
    last, style = shift_of(latest, name), "bold" if times else ""
    return [
        Cell(name, style),
        Cell(sparkline(shifts), "red" if times else GOOD),
        Cell(f"{times} of {len(events)}", style),
        _figure(last.psi if last else None, ALARM if last and last.drifted else ""),
        _figure(last.psi_limit if last else None),
        *_quality(feature_of(latest, name)),
    ]


def _figures(event: DriftEvent, name: str, shift: Shift) -> list[Cell]:
    return [
        Cell(name, "bold" if shift.drifted else ""),
        VERDICTS["too_few" if shift.psi is None else "drifted" if shift.drifted else "stable"],
        _figure(shift.psi, ALARM if shift.drifted else ""),
        _figure(shift.psi_limit),
        _figure(shift.distance),
        Cell(shift.distance_method),
        *_quality(feature_of(event, name)),
    ]


def _quality(feature: FeatureDrift | None) -> list[Cell]:
    if feature is None:
        return [Cell("")] * len(_QUALITY)
    shares = (feature.missing_share, feature.reference_missing_share, feature.unseen_share)
    return [Cell(f"{share:.1%}") for share in shares]


def _figure(value: float | None, style: str = "") -> Cell:
    return NONE if value is None else Cell(f"{value:.3f}", style)
