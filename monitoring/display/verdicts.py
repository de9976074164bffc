"""A drift event in words for tables and reports: names, verdicts, what drifted, and one sentence on many events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from monitoring.display.table import Cell
from stream_app.drift_events import CalibrationVerdict, DriftEvent, DriftVerdict, FeatureDrift, Shift

PROBABILITY, OUTCOME_MIX = "(probability)", "(outcome mix)"
"""Names in tables of the two distributions that are no features; in brackets, which no column's name has."""

ALARM, GOOD, FAINT = "bold red", "green", "dim"

NONE = Cell("–", FAINT)

VERDICTS: dict[DriftVerdict, Cell] = {
    "too_few": Cell("too few", FAINT),
    "stable": Cell("stable", GOOD),
    "drifted": Cell("DRIFTED", ALARM),
}
CALIBRATIONS: dict[CalibrationVerdict, Cell] = {
    "unknown": Cell("unknown", FAINT),
    "in_line": Cell("in line", GOOD),
    "predicted_too_low": Cell("PD TOO LOW", ALARM),
    "predicted_too_high": Cell("PD TOO HIGH", "bold yellow"),
}


def features_of(events: Sequence[DriftEvent]) -> list[str]:
    """Every feature that one of the windows has, in the contract's order."""
    return list(dict.fromkeys(feature.feature for event in events for feature in event.features))


def distributions_of(event: DriftEvent) -> list[str]:
    """The features, and before them the probability and the outcome mix."""
    return [PROBABILITY, OUTCOME_MIX, *features_of([event])]


def feature_of(event: DriftEvent, name: str) -> FeatureDrift | None:
    """This feature in this window, if it has it."""
    return next((feature for feature in event.features if feature.feature == name), None)


def shift_of(event: DriftEvent, name: str) -> Shift | None:
    """How far this distribution moved in this window, if it has it."""
    if name == PROBABILITY:
        return event.prediction.shift
    if name == OUTCOME_MIX:
        return event.outcomes.shift
    feature = feature_of(event, name)
    return feature.shift if feature else None


def furthest_first(event: DriftEvent) -> dict[str, Shift]:
    """Every distribution of one window by its name, the furthest beyond its limit first."""
    shifts = {name: shift for name in distributions_of(event) if (shift := shift_of(event, name))}
    return dict(sorted(shifts.items(), key=lambda named: -(named[1].ratio or 0.0)))


def drifted(event: DriftEvent) -> list[str]:
    """What drifted in one window, the furthest beyond its limit first."""
    return [name for name, shift in furthest_first(event).items() if shift.drifted]


def summary(events: Sequence[DriftEvent]) -> str:
    """One sentence: how many windows are out of line, and by what."""
    verdicts = Counter(event.verdict for event in events)
    names = Counter(name for event in events for name in drifted(event))
    models = [model for event in events for model in event.performance]
    calibrations = Counter(model.realised.calibration for model in models if model.realised)
    drifts = ": " + ", ".join(f"{name} in {count}" for name, count in names.most_common(5)) if names else ""
    counted = {
        "saw more defaults than predicted": calibrations["predicted_too_low"],
        "saw fewer defaults than predicted": calibrations["predicted_too_high"],
        "had too few decisions to judge": verdicts["too_few"],
    }
    others = [f"{count} {what}" for what, count in counted.items() if count]
    return "; ".join([f"{verdicts['drifted']} of {len(events)} windows drifted{drifts}", *others]) + "."
