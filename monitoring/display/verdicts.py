"""What tables and reports say of a drift event: names, verdicts in words, what drifted, and one sentence on it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from monitoring.display.table import Cell
from stream_app.drift_events import CalibrationVerdict, DriftEvent, DriftVerdict, FeatureDrift, Shift

PROBABILITY, OUTCOME_MIX = "(probability)", "(outcome mix)"
"""What tables call the two distributions that are no features; no column of anybody's is called so."""

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
    return list(dict.fromkeys(each.feature for event in events for each in event.features))


def distributions_of(event: DriftEvent) -> list[str]:
    """The features, and before them the probability and the outcome mix."""
    return [PROBABILITY, OUTCOME_MIX, *features_of([event])]


def feature_of(event: DriftEvent, name: str) -> FeatureDrift | None:
    """This feature in this window, if it has it."""
    return next((each for each in event.features if each.feature == name), None)


def shift_of(event: DriftEvent, name: str) -> Shift | None:
    """How far this distribution moved in this window, if it has it."""
    if name == PROBABILITY:
        return event.prediction.shift
    if name == OUTCOME_MIX:
        return event.outcomes.shift
    feature = feature_of(event, name)
    return feature.shift if feature else None


def ratio_of(shift: Shift | None) -> float:
    """PSI over its limit: above 1 is drift. -1 where there were too few decisions, or nothing at all."""
    if shift is None or shift.psi is None or not shift.psi_limit:
        return -1.0
    return shift.psi / shift.psi_limit


def drifted(event: DriftEvent) -> list[str]:
    """What drifted in one window, the furthest beyond its limit first."""
    shifts = {name: shift_of(event, name) for name in distributions_of(event)}
    found = [(name, ratio_of(shift)) for name, shift in shifts.items() if shift and shift.drifted]
    return [name for name, _ in sorted(found, key=lambda pair: -pair[1])]


def summary(events: Sequence[DriftEvent]) -> str:
    """One sentence: how many windows are out of line, and by what."""
    verdicts = Counter(event.verdict for event in events)
    names = Counter(name for event in events for name in drifted(event))
    calibrations = Counter(each.realised.calibration for event in events for each in event.performance if each.realised)
    drifts = ": " + ", ".join(f"{name} in {count}" for name, count in names.most_common(5)) if names else ""
    counted = {
        "saw more defaults than predicted": calibrations["predicted_too_low"],
        "saw fewer defaults than predicted": calibrations["predicted_too_high"],
        "had too few decisions to judge": verdicts["too_few"],
    }
    others = [f"{count} {what}" for what, count in counted.items() if count]
    return "; ".join([f"{verdicts['drifted']} of {len(events)} windows drifted{drifts}", *others]) + "."
