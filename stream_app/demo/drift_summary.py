"""What the monitor said of the demo's windows, folded and put into words. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from stream_app.drift_events import DriftEvent, Performance

NONE = "–"
SHOWN_FEATURES = 3
OFF = {"predicted_too_low": "too low", "predicted_too_high": "too high"}
"""Calibration verdicts that are alarms, in words."""

HEADER = ("quarter", "decisions", "predicted", "observed", "predicted was", "drifted inputs")


class DriftWindows:
    """The monitor's windows, each as its highest revision has it, in whichever order the revisions are heard."""

    def __init__(self) -> None:
        self._events: dict[str, DriftEvent] = {}

    def heard(self, event: DriftEvent) -> None:
        """One drift event, perhaps again."""
        known = self._events.get(event.window.id)
        if known is None or event.revision > known.revision:
            self._events[event.window.id] = event

    @property
    def windows(self) -> list[DriftEvent]:
        """In the order of their time."""
        return sorted(self._events.values(), key=lambda event: event.window.start)

    @property
    def decisions(self) -> int:
        """Those the windows account for: judged, late and unreadable ones."""
        return sum(event.rows + event.late_rows + event.unreadable_rows for event in self._events.values())

    @property
    def labelled(self) -> int:
        """Judged decisions whose truth the windows know."""
        return sum(each.labelled for event in self._events.values() for each in event.performance)


class Alarm(msgspec.Struct, frozen=True):
    """``of``: a feature, or ``prediction``, ``outcome mix``, ``calibration``; the ids of the windows that raised it."""

    of: str
    windows: tuple[str, ...]


def _first_and_most(alarm: Alarm) -> tuple[str, int]:
    return alarm.windows[0], -len(alarm.windows)


def drifted_features(*windows: DriftEvent) -> list[str]:
    """Those that drifted in any of the windows, the strongest first: by the largest ratio of PSI to its limit."""
    ratios: dict[str, float] = {}
    for each in (each for event in windows for each in event.features if each.shift.drifted):
        ratios[each.feature] = max(each.shift.ratio or 0.0, ratios.get(each.feature, 0.0))
    return sorted(ratios, key=lambda feature: -ratios[feature])


def calibration_of(event: DriftEvent) -> str:
    """The verdict on the window's model versions together: the first alarm, else ``unknown`` if any, else in line."""
    verdicts = [each.realised.calibration if each.realised else "unknown" for each in event.performance]
    alarms = [verdict for verdict in verdicts if verdict in OFF]
    return alarms[0] if alarms else "unknown" if "unknown" in verdicts or not verdicts else "in_line"


def alarms(windows: Sequence[DriftEvent]) -> list[Alarm]:
    """Each feature that ever drifted, the earliest and most often first; prediction, outcome mix and calibration."""
    by_feature: dict[str, list[str]] = defaultdict(list)
    for event in windows:
        for feature in drifted_features(event):
            by_feature[feature].append(event.window.id)
    return [
        *sorted((Alarm(feature, tuple(ids)) for feature, ids in by_feature.items()), key=_first_and_most),
        Alarm("prediction", tuple(event.window.id for event in windows if event.prediction.shift.drifted)),
        Alarm("outcome mix", tuple(event.window.id for event in windows if event.outcomes.shift.drifted)),
        Alarm("calibration", tuple(event.window.id for event in windows if calibration_of(event) in OFF)),
    ]


def first_drifts(windows: Sequence[DriftEvent]) -> dict[str, str]:
    """The id of the first window in which a feature drifted, by feature."""
    return {feature: event.window.id for event in reversed(windows) for feature in drifted_features(event)}


def first_off(windows: Sequence[DriftEvent]) -> str | None:
    """The id of the first window whose calibration was off, None if none was."""
    return next((event.window.id for event in windows if calibration_of(event) in OFF), None)


def alarm_lines(windows: Sequence[DriftEvent]) -> list[tuple[str, str]]:
    """When each alarm was raised first, and how often."""
    return [(alarm.of, _alarm_text(alarm, len(windows))) for alarm in alarms(windows)]


def _alarm_text(alarm: Alarm, windows: int) -> str:
    once, never = ("was off", "was never off") if alarm.of == "calibration" else ("drifted", "never drifted")
    if not alarm.windows:
        return f"{never} in {windows} windows"
    return f"{once} first in {alarm.windows[0]}, in {len(alarm.windows)} of {windows} windows"


def newest_text(event: DriftEvent) -> str:
    """A window in a few words: ``2006-03 drifted: low_doc``."""
    features = drifted_features(event)
    verdict = event.verdict.replace("_", " ")
    return f"{event.window.id} {verdict}" + (f": {_some(features)}" if features else "")


def quarter_rows(windows: Sequence[DriftEvent]) -> list[tuple[str, ...]]:
    """A row under :data:`HEADER` for each quarter in which windows began, in order."""
    return [_quarter_row(name, list(some)) for name, some in groupby(windows, key=_quarter)]


def _quarter(event: DriftEvent) -> str:
    start = event.window.start
    return f"{start.year} Q{(start.month + 2) // 3}"


def _quarter_row(name: str, windows: list[DriftEvent]) -> tuple[str, ...]:
    models = [each for event in windows for each in event.performance]
    return (
        name,
        f"{sum(event.rows for event in windows):,}",
        _share((each.expected_default_rate, each.rows) for each in models),
        _observed(models),
        _calibration_text(windows),
        _drifted_text(windows),
    )


def _share(parts: Iterable[tuple[float, int]]) -> str:
    """The mean of rates, each of so many rows."""
    weighed = [(rate * rows, rows) for rate, rows in parts]
    rows = sum(rows for _, rows in weighed)
    return f"{sum(share for share, _ in weighed) / rows:.1%}" if rows else NONE


def _observed(models: Sequence[Performance]) -> str:
    """The share of defaults among the labelled, and how many those are unless all."""
    rate = _share((each.realised.default_rate, each.labelled) for each in models if each.realised)
    rows, labelled = sum(each.rows for each in models), sum(each.labelled for each in models)
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
    return _some(drifted_features(*windows)) or NONE


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_FEATURES} more" if len(names) > SHOWN_FEATURES else ""
    return ", ".join(names[:SHOWN_FEATURES]) + more
