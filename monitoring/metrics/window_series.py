"""Which series one drift event becomes: name, help, labels, and where the value stands in the event.

What an event does not know (null) is absent, never zero: an absent series cannot raise an alert, and a panel shows a
gap. The first label of every series is the window's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nlargest
from operator import attrgetter

from stream_app.drift_events import DriftEvent, Performance

MOST_VERSIONS = 8
"""Model versions shown of one window, those with the most rows: the label comes from decisions and must be bounded."""

Value = float | None
Samples = Iterable[tuple[tuple[str, ...], Value]]


@dataclass(frozen=True)
class Family:
    """One series name. ``samples``: of one event, the label values after the window's id, and the value."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[DriftEvent], Samples]


def _window(name: str, text: str, value: Callable[[DriftEvent], Value]) -> Family:
    return Family(name, text, (), lambda event: [((), value(event))])


def _feature(name: str, text: str, attribute: str) -> Family:
    value = attrgetter(attribute)
    return Family(name, text, ("feature",), lambda event: [((row.feature,), value(row)) for row in event.features])


def _model(name: str, text: str, attribute: str, part: Callable[[Performance], object] = lambda model: model) -> Family:
    value = attrgetter(attribute)

    def samples(event: DriftEvent) -> Samples:
        versions = nlargest(MOST_VERSIONS, event.performance, key=lambda model: model.rows)
        parts = [(model.model_version, part(model)) for model in versions]
        return [((version,), None if of_model is None else value(of_model)) for version, of_model in parts]

    return Family(name, text, ("model_version",), samples)


def _realised(name: str, text: str, attribute: str) -> Family:
    return _model(name, text, attribute, part=lambda model: model.realised)


WINDOW_FAMILIES = (
    Family(
        "window_end_timestamp_seconds",
        "End of the window, event time (Unix time)",
        ("kind",),
        lambda event: [((event.window.kind,), event.window.end.timestamp())],
    ),
    _window(
        "window_start_timestamp_seconds",
        "Start of the window, event time (Unix time)",
        lambda event: event.window.start.timestamp(),
    ),
    _window("window_rows", "Decisions judged in the window", lambda event: event.rows),
    _window("window_late_rows", "Decisions that came too late to be judged", lambda event: event.late_rows),
    _window(
        "drifted_share",
        "Share of the features that drifted; absent when there are too few rows",
        lambda event: None if event.verdict == "too_few" else event.drifted_share,
    ),
    _window(
        "approved_share",
        "Share of the decisions that are approvals",
        lambda event: event.outcomes.approved if event.rows else None,
    ),
    _window(
        "prediction_psi",
        "Population stability index of the probability of default against the reference",
        lambda event: event.prediction.shift.psi,
    ),
    _window(
        "prediction_drift_ratio",
        "PSI of the probability of default over its limit; above 1 is drift",
        lambda event: event.prediction.shift.ratio,
    ),
    _window(
        "outcome_drift_ratio",
        "PSI of approved, review and refused over its limit; above 1 is drift",
        lambda event: event.outcomes.shift.ratio,
    ),
    _window(
        "mean_probability",
        "Mean probability of default given, higher is riskier",
        lambda event: event.prediction.mean_probability,
    ),
    _feature("feature_psi", "Population stability index against the reference", "shift.psi"),
    _feature("feature_drift_ratio", "PSI over its limit; above 1 is drift", "shift.ratio"),
    _feature("feature_missing_share", "Share of the decisions without a value", "missing_share"),
    _feature(
        "feature_unseen_share",
        "Share of decisions with a category the model never saw",
        "unseen_share",
    ),
    _model("expected_default_rate", "Mean probability of default of all rows", "expected_default_rate"),
    _model("expected_auc", "AUC that the calibrated probabilities promise", "expected_auc"),
    _model("labelled_share", "Share of the rows whose outcome is known", "labelled_share"),
    _realised("realised_default_rate", "Share of defaults among the labelled", "default_rate"),
    _realised("realised_auc", "AUC among the labelled", "auc"),
    _realised("realised_brier", "Brier score among the labelled; lower is better", "brier"),
    _realised("realised_log_loss", "Log-loss among the labelled, in nats; lower is better", "log_loss"),
    _realised(
        "observed_over_predicted",
        "Defaults over the sum of the probabilities, among the labelled",
        "observed_over_predicted",
    ),
    _realised(
        "observed_over_predicted_low",
        "Lower bound for the whole window, as if every open loan were paid; above 1 the risk was predicted too low",
        "bounds.low",
    ),
    _realised(
        "observed_over_predicted_high",
        "Upper bound for the whole window, as if every open loan defaulted; below 1 the risk was predicted too high",
        "bounds.high",
    ),
)
"""Of every window that is shown."""

REFERENCE_FAMILIES = (
    Family(
        "reference_missing_share",
        "Share of the reference rows without a value",
        ("feature",),
        lambda event: [((feature.feature,), feature.reference_missing_share) for feature in event.features],
    ),
    Family(
        "reference_mean_probability",
        "Mean probability of default of the reference rows",
        (),
        lambda event: [((), event.prediction.reference_mean_probability)],
    ),
    Family(
        "reference_approved_share",
        "Share of the reference rows the policy would have approved",
        (),
        lambda event: [((), event.outcomes.reference_approved)],
    ),
)
"""What the newest window was compared with; these have no window label."""
