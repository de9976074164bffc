"""What the monitor reported of the demo's windows, in words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

from stream_app.drift_events import DriftEvent, Performance

NONE = "–"
SHOWN_FEATURES = 3
OFF = {"predicted_too_low": "too low", "predicted_too_high": "too high"}
"""Calibration verdicts that are alarms, in words."""

HEADER = ("quarter", "decisions", "predicted", "observed", "predicted was", "drifted inputs")


class DriftWindows:
    """The monitor's windows, each at its highest revision, in whichever order the revisions are read."""

    def __init__(self) -> None:
        self._events: dict[str, DriftEvent] = {}

    def add(self, event: DriftEvent) -> None:
        """Add one drift event; the same event again changes nothing."""
        known = self._events.get(event.window.id)
        if known is None or event.revision > known.revision:
            self._events[event.window.id] = event

    def in_order(self) -> list[DriftEvent]:
        """In the order of their time."""
        return sorted(self._events.values(), key=lambda event: event.window.start)

    @property
    def decisions(self) -> int:
        """Those the windows account for: judged, late and unreadable ones."""
        return sum(event.rows + event.late_rows + event.unreadable_rows for event in self._events.values())

    @property
    def labelled(self) -> int:
        """Judged decisions whose label the windows know."""
        return sum(model.labelled for event in self._events.values() for model in event.performance)


def drifted_features(*windows: DriftEvent) -> list[str]:
    """Those that drifted in any of the windows, the strongest first: by the largest ratio of PSI to its limit."""
    ratios: dict[str, float] = {}
    for feature in (feature for event in windows for feature in event.features if feature.shift.drifted):
        ratios[feature.feature] = max(feature.shift.ratio or 0.0, ratios.get(feature.feature, 0.0))
    return sorted(ratios, key=lambda name: -ratios[name])


def calibration_of(event: DriftEvent) -> str:
    """The verdict on the window's model versions together: the first alarm, else ``unknown`` if any, else in line."""
    verdicts = [model.realised.calibration if model.realised else "unknown" for model in event.performance]
    alarms = [verdict for verdict in verdicts if verdict in OFF]
    return alarms[0] if alarms else "unknown" if "unknown" in verdicts or not verdicts else "in_line"


def first_drifts(windows: Sequence[DriftEvent]) -> dict[str, str]:
    """The id of the first window in which a feature drifted, by feature."""
    return {feature: ids[0] for feature, ids in _drifts(windows).items()}


def first_off(windows: Sequence[DriftEvent]) -> str | None:
    """The id of the first window whose calibration was off, None if none was."""
    return next(iter(_off(windows)), None)


def alarm_lines(windows: Sequence[DriftEvent]) -> list[tuple[str, str]]:
    """When each alarm was raised first, and in how many windows: the features that drifted, then the others."""
    drifts = _drifts(windows) | {
        "prediction": [event.window.id for event in windows if event.prediction.shift.drifted],
        "outcome mix": [event.window.id for event in windows if event.outcomes.shift.drifted],
    }
    lines = [(name, _alarm_text("drifted", "never drifted", ids, len(windows))) for name, ids in drifts.items()]
    return [*lines, ("calibration", _alarm_text("was off", "was never off", _off(windows), len(windows)))]


def _drifts(windows: Sequence[DriftEvent]) -> dict[str, list[str]]:
    """The ids of the windows in which each feature drifted, the earliest and then the most frequent feature first."""
    ids: dict[str, list[str]] = defaultdict(list)
    for event in windows:
        for feature in drifted_features(event):
            ids[feature].append(event.window.id)
    return dict(sorted(ids.items(), key=lambda drift: (drift[1][0], -len(drift[1]))))


def _off(windows: Sequence[DriftEvent]) -> list[str]:
    return [event.window.id for event in windows if calibration_of(event) in OFF]


def _alarm_text(once: str, never: str, ids: Sequence[str], windows: int) -> str:
    if not ids:
        return f"{never} in {windows} windows"
    return f"{once} first in {ids[0]}, in {len(ids)} of {windows} windows"


def newest_text(event: DriftEvent) -> str:
    """A window in a few words: ``2006-03 drifted: low_doc``."""
    features = drifted_features(event)
    verdict = event.verdict.replace("_", " ")
    return f"{event.window.id} {verdict}" + (f": {_list(features)}" if features else "")


def conclusion(windows: Sequence[DriftEvent]) -> str:
    """What these windows show, for people: whether inputs drifted, and whether loans defaulted as predicted."""
    sentences = [_about_inputs(windows), _about_defaults(windows)]
    if _drifts(windows) and _off(windows):
        sentences.append("Drift is seen as soon as a window closes; what it costs only labels show, years later.")
    return " ".join(sentences)


def _about_inputs(windows: Sequence[DriftEvent]) -> str:
    judged = [event for event in windows if event.verdict != "too_few"]
    if not judged:
        return "No window has enough decisions to tell whether inputs drifted."
    if not (drifts := _drifts(judged)):
        return f"No input drifted in {_range(judged)}: the applications are like those the model was trained on."
    count = sum(bool(drifted_features(event)) for event in judged)
    first, ids = next(iter(drifts.items()))
    others = f", {len(drifts)} inputs in all" if len(drifts) > 1 else ""
    return (
        f"Inputs drifted in {count} of {_range(judged)}, first {first} in {ids[0]}{others}: the applications are not "
        "like those the model was trained on."
    )


def _about_defaults(windows: Sequence[DriftEvent]) -> str:
    for verdict, words in (("predicted_too_low", "More"), ("predicted_too_high", "Fewer")):
        if off := [event for event in windows if calibration_of(event) == verdict]:
            models = [model for event in off for model in event.performance]
            return (
                f"{words} loans defaulted than predicted in {len(off)} of {len(windows)} windows, first in "
                f"{off[0].window.id}: "
                f"{_predicted(models)} predicted, {_observed_rate(models)} observed."
            )
    if in_line := sum(calibration_of(event) == "in_line" for event in windows):
        rest = "; of the others too little is known to tell" if in_line < len(windows) else ""
        return f"Loans defaulted about as predicted in {in_line} of {len(windows)} windows{rest}."
    return "Too little is known to tell whether loans default as predicted."


def _range(windows: Sequence[DriftEvent]) -> str:
    first, last = windows[0].window.id, windows[-1].window.id
    return f"the {len(windows)} windows from {first} to {last}" if len(windows) > 1 else f"the one window, {first}"


def quarter_rows(windows: Sequence[DriftEvent]) -> list[tuple[str, ...]]:
    """A row under :data:`HEADER` for each quarter in which windows began, in order."""
    return [_quarter_row(quarter, list(events)) for quarter, events in groupby(windows, key=_quarter)]


def _quarter(event: DriftEvent) -> str:
    start = event.window.start
    return f"{start.year} Q{(start.month + 2) // 3}"


def _quarter_row(quarter: str, windows: list[DriftEvent]) -> tuple[str, ...]:
    models = [model for event in windows for model in event.performance]
    decisions = sum(event.rows for event in windows)
    return (
        quarter,
        f"{decisions:,}",
        _predicted(models),
        _observed(models),
        _calibration_text(windows),
        _drifted_text(windows),
    )


def _predicted(models: Iterable[Performance]) -> str:
    return _mean((model.expected_default_rate, model.rows) for model in models)


def _observed_rate(models: Iterable[Performance]) -> str:
    return _mean((model.realised.default_rate, model.labelled) for model in models if model.realised)


def _mean(parts: Iterable[tuple[float, int]]) -> str:
    """The mean of rates, each of so many rows."""
    weighed = [(rate * rows, rows) for rate, rows in parts]
    rows = sum(rows for _, rows in weighed)
    return f"{sum(share for share, _ in weighed) / rows:.1%}" if rows else NONE


def _observed(models: Sequence[Performance]) -> str:
    """The share of defaults among the labelled, and how many those are unless all."""
    rows, labelled = sum(model.rows for model in models), sum(model.labelled for model in models)
    rate = _observed_rate(models)
    return rate if labelled in (0, rows) else f"{rate} of {labelled / rows:.0%}"


def _calibration_text(windows: Sequence[DriftEvent]) -> str:
    verdicts = [calibration_of(event) for event in windows]
    for alarm, words in OFF.items():
        if count := verdicts.count(alarm):
            return words if count == len(windows) else f"{words} in {count} of {len(windows)}"
    if 0 < (in_line := verdicts.count("in_line")) < len(windows):
        return f"in line in {in_line} of {len(windows)}"
    return verdicts[0].replace("_", " ")


def _drifted_text(windows: Sequence[DriftEvent]) -> str:
    if all(event.verdict == "too_few" for event in windows):
        return "too few decisions"
    return _list(drifted_features(*windows)) or NONE


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_FEATURES} more" if len(names) > SHOWN_FEATURES else ""
    return ", ".join(names[:SHOWN_FEATURES]) + more
