"""Closed windows for people: a row a window, a sparkline a feature, and one sentence on what is out of line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import chain

from monitoring.grid import Cell, Column, Grid
from stream_app.drift_events import CalibrationVerdict, DriftEvent, DriftVerdict, FeatureDrift, Performance, Shift

PROBABILITY, OUTCOME_MIX = "probability", "outcome mix"
"""What the table calls the two distributions that are no features."""

QUIET_ROWS = 20
"""Features that never drifted fill the table up to this many rows; those that did are all shown."""

NAMED = 3
"""Drifted features a window names; the others are counted."""

LEGEND = "▁▂▃▄ within the limit by quarters · ▅▆▇█ beyond it: up to 1.5, 2, 3 times, more · a dot: too few to say"

_BLOCKS = "▁▂▃▄▅▆▇█"
_UP_TO = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Ratios of PSI to its limit at which the next block begins; 1 is the last that is no drift."""

_ALARM, _GOOD, _FAINT = "bold red", "green", "dim"
_VERDICTS: dict[DriftVerdict, Cell] = {
    "too_few": Cell("too few", _FAINT),
    "stable": Cell("stable", _GOOD),
    "drifted": Cell("DRIFTED", _ALARM),
}
_CALIBRATIONS: dict[CalibrationVerdict, Cell] = {
    "unknown": Cell("unknown", _FAINT),
    "in_line": Cell("in line", _GOOD),
    "predicted_too_low": Cell("PD TOO LOW", _ALARM),
    "predicted_too_high": Cell("PD TOO HIGH", "bold yellow"),
}
_NONE = Cell("–", _FAINT)

_WINDOW = (
    Column("window"),
    Column("decisions", right=True),
    Column("verdict"),
    Column("what drifted"),
    Column("approved", right=True),
)
_MODEL = Column("model")
_PERFORMANCE = (
    Column("default\npredicted", right=True),
    Column("defaulted\nso far", right=True),
    Column("outcome\nknown", right=True),
    Column("observed ÷\npredicted", right=True),
    Column("calibration"),
)


def window_grid(events: Sequence[DriftEvent]) -> Grid:
    """A row a window, oldest first, and one more for each further model version that decided in it.

    ``default predicted``: mean probability of default. ``defaulted so far``: known defaults as a share of all
    decisions, which rises to the default rate as outcomes come. ``observed ÷ predicted``: bounds that hold whatever the
    open loans do; the calibration is their verdict on the probabilities of default (PD). The model has a column when
    there is more than one.
    """
    with_model = len({performance.model_version for event in events for performance in event.performance}) > 1
    columns = (*_WINDOW, *((_MODEL,) if with_model else ()), *_PERFORMANCE)
    rows = list(chain.from_iterable(_window_rows(event, with_model) for event in events))
    references = ", ".join(dict.fromkeys(event.reference_version for event in events))
    return Grid(f"Decisions by window, against the training sample of bundle version {references}", columns, rows)


def feature_grid(events: Sequence[DriftEvent], features: Collection[str] = ()) -> Grid:
    """A row a distribution: PSI over its limit window by window, oldest left, and the figures of the latest window
    that had decisions enough.

    Those of ``features``; without any the probability, the outcome mix, and the features, the furthest out first.
    """
    names = list(features) or _most_drifted_first(events)
    latest = next((event for event in reversed(events) if event.verdict != "too_few"), events[-1])
    title = f"PSI over its limit, {events[0].window.id} to {events[-1].window.id}; figures of {latest.window.id}"
    columns = (
        Column("distribution"),
        Column("windows"),
        Column("drifted\nin", right=True),
        Column("PSI", right=True),
        Column("limit", right=True),
        Column("missing", right=True),
        Column("missing in\nreference", right=True),
        Column("never\nseen", right=True),
    )
    return Grid(title, columns, [_feature_row(name, events, latest) for name in names])


def left_out(events: Sequence[DriftEvent]) -> int:
    """Features that :func:`feature_grid` does not show unless asked for; none of them drifted."""
    return len(names_of(events)) + 2 - len(_most_drifted_first(events))


def names_of(events: Sequence[DriftEvent]) -> list[str]:
    """Every feature that one of the windows has, in the contract's order."""
    return list(dict.fromkeys(each.feature for event in events for each in event.features))


def sparkline(shifts: Sequence[Shift | None]) -> str:
    """A block a window for PSI over its limit; a dot where there is none. See :data:`LEGEND`."""
    return "".join(_block(shift) for shift in shifts)


def summary(events: Sequence[DriftEvent]) -> str:
    """One sentence: how many windows are out of line, and by what."""
    verdicts = Counter(event.verdict for event in events)
    drifts = Counter(name for event in events for name in _drifted(event))
    calibrations = Counter(each.realised.calibration for event in events for each in event.performance if each.realised)
    parts = [f"{verdicts['drifted']} of {len(events)} windows drifted"]
    if drifts:
        parts[0] += ": " + ", ".join(f"{name} in {count}" for name, count in drifts.most_common(5))
    if low := calibrations["predicted_too_low"]:
        parts.append(f"{low} saw more defaults than predicted")
    if high := calibrations["predicted_too_high"]:
        parts.append(f"{high} saw fewer defaults than predicted")
    if few := verdicts["too_few"]:
        parts.append(f"{few} had too few decisions to judge")
    return "; ".join(parts) + "."


def _window_rows(event: DriftEvent, with_model: bool) -> Iterator[list[Cell]]:
    first = [
        Cell(event.window.id, "bold"),
        Cell(f"{event.rows:,}"),
        _VERDICTS[event.verdict],
        Cell(_names_drifted(event), _ALARM),
        Cell(f"{event.outcomes.approved:.1%}") if event.rows else _NONE,
    ]
    further = [Cell("")] * len(first)
    for number, performance in enumerate(event.performance or (None,)):
        model = [Cell(performance.model_version) if performance else _NONE] if with_model else []
        yield [*(further if number else first), *model, *_performance_cells(performance)]


def _performance_cells(performance: Performance | None) -> list[Cell]:
    if performance is None:
        return [_NONE] * len(_PERFORMANCE)
    predicted, known = Cell(f"{performance.expected_default_rate:.1%}"), Cell(f"{performance.labelled_share:.0%}")
    realised = performance.realised
    if realised is None:
        return [predicted, _NONE, known, _NONE, _CALIBRATIONS["unknown"]]
    so_far = realised.default_rate * performance.labelled_share
    return [
        predicted,
        Cell(f"{so_far:.1%}", _ALARM if realised.calibration == "predicted_too_low" else ""),
        known,
        Cell(f"{realised.bounds.low:.2f} – {realised.bounds.high:.2f}"),
        _CALIBRATIONS[realised.calibration],
    ]


def _names_drifted(event: DriftEvent) -> str:
    names = _drifted(event)
    more = f" +{len(names) - NAMED}" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _drifted(event: DriftEvent) -> list[str]:
    """What drifted in one window, the furthest beyond its limit first."""
    shifts = {name: _shift(event, name) for name in (PROBABILITY, OUTCOME_MIX, *names_of([event]))}
    drifted = [(name, _ratio(shift)) for name, shift in shifts.items() if shift and shift.drifted]
    return [name for name, _ in sorted(drifted, key=lambda pair: -pair[1])]


def _most_drifted_first(events: Sequence[DriftEvent]) -> list[str]:
    furthest = {name: max(map(_ratio, _shifts(events, name))) for name in names_of(events)}
    ordered = sorted(furthest, key=lambda name: -furthest[name])
    drifted = [name for name in ordered if any(shift and shift.drifted for shift in _shifts(events, name))]
    quiet = [name for name in ordered if name not in drifted]
    return [PROBABILITY, OUTCOME_MIX, *drifted, *quiet[: max(0, QUIET_ROWS - len(drifted))]]


def _feature_row(name: str, events: Sequence[DriftEvent], latest: DriftEvent) -> list[Cell]:
    shifts = _shifts(events, name)
    times = sum(shift.drifted for shift in shifts if shift)
    last, style = _shift(latest, name), "bold" if times else ""
    return [
        Cell(name, style),
        Cell(sparkline(shifts), "red" if times else _GOOD),
        Cell(f"{times} of {len(events)}", style),
        _figure(last.psi if last else None, _ALARM if last and last.drifted else ""),
        _figure(last.psi_limit if last else None),
        *_quality_cells(_feature(latest, name)),
    ]


def _quality_cells(feature: FeatureDrift | None) -> list[Cell]:
    if feature is None:
        return [Cell("")] * 3
    shares = (feature.missing_share, feature.reference_missing_share, feature.unseen_share)
    return [Cell(f"{share:.1%}") for share in shares]


def _shifts(events: Sequence[DriftEvent], name: str) -> list[Shift | None]:
    return [_shift(event, name) for event in events]


def _shift(event: DriftEvent, name: str) -> Shift | None:
    if name == PROBABILITY:
        return event.prediction.shift
    if name == OUTCOME_MIX:
        return event.outcomes.shift
    feature = _feature(event, name)
    return feature.shift if feature else None


def _feature(event: DriftEvent, name: str) -> FeatureDrift | None:
    return next((each for each in event.features if each.feature == name), None)


def _ratio(shift: Shift | None) -> float:
    """PSI over its limit; -1 where there is none."""
    if shift is None or shift.psi is None or not shift.psi_limit:
        return -1.0
    return shift.psi / shift.psi_limit


def _block(shift: Shift | None) -> str:
    ratio = _ratio(shift)
    return "·" if ratio < 0 else _BLOCKS[sum(ratio > limit for limit in _UP_TO)]


def _figure(value: float | None, style: str = "") -> Cell:
    return _NONE if value is None else Cell(f"{value:.3f}", style)
