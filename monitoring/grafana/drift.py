"""Drift: are the applications still of the kind the model learned from?"""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat

from monitoring.grafana.alert_thresholds import alerts, limits_of
from monitoring.grafana.boards import Board, window_variables
from monitoring.grafana.panels import bars_now, number
from monitoring.grafana.promql import by_window
from monitoring.grafana.window_panels import bars, matrix, over_windows

_FEATURE = "feature, window"


def _ratio(title: str, subject: str, series: str, alert: str) -> stat.Panel:
    expr = f"max(loan_monitor:newest_judged_window:{series}_drift_ratio)"
    return number(title, f"{subject}; above 1 is drift.", expr, unit="none", alert=alert, decimals=2)


_NEWEST = (
    number(
        "Newest window judged",
        "The newest window of the kind chosen with enough decisions to be judged: 500. The drift alerts are about it.",
        'max by (window) (loan_monitor:newest_judged_window:end_timestamp_seconds{kind="$kind"})',
        legend="{{window}}",
    ),
    number(
        "Decisions in it",
        "The more, the smaller a drift that is told from chance.",
        "max(loan_monitor_window_rows"
        ' and on (window) loan_monitor:newest_judged_window:end_timestamp_seconds{kind="$kind"})',
    ),
    number(
        "Features that drift",
        "How many features are beyond their limit.",
        f"count(count by (feature) ({alerts()['FeatureDrift']})) or vector(0)",
    ),
    _ratio("Worst feature", "PSI over its limit of the feature that moved most", "feature", "FeatureDrift"),
    _ratio("Predictions", "PSI of the probability of default over its limit", "prediction", "PredictionDrift"),
    _ratio("Outcome mix", "PSI of approved, review and refused over its limit", "outcome", "OutcomeMixDrift"),
)

_FEATURES = (
    matrix(
        "PSI over its limit, by feature and window",
        "A row for each feature, a column for each window, the newest on the right. Red: beyond the limit, which "
        "follows the number of rows. A row that turns red and stays so: the applications changed. Dash: too few rows.",
        by_window("loan_monitor_feature_drift_ratio", _FEATURE),
        unit="none",
        height=15,
        decimals=2,
        limits=limits_of("FeatureDrift"),
    ),
    bars_now(
        "Newest window judged, worst feature first",
        "PSI over its limit; above 1 is drift.",
        "sort_desc(max by (feature) (loan_monitor:newest_judged_window:feature_drift_ratio))",
        unit="none",
        legend="{{feature}}",
        width=12,
        alert="FeatureDrift",
        height=12,
    ),
    bars_now(
        "Newest window judged, most missing values first",
        "Share of the decisions without a value for the feature.",
        "sort_desc(max by (feature) (loan_monitor_feature_missing_share"
        ' and on (window) loan_monitor:newest_judged_window:end_timestamp_seconds{kind="$kind"}))',
        unit="percentunit",
        legend="{{feature}}",
        width=12,
        height=12,
    ),
    matrix(
        "Share of missing values, by feature and window",
        "The last column is the reference sample. A row whose shade changes: a producer stopped (or began) to send it.",
        f"{by_window('loan_monitor_feature_missing_share', _FEATURE)} or "
        'label_replace(max by (feature) (loan_monitor_reference_missing_share), "window", "reference", "", "")',
        unit="percentunit",
        height=15,
        decimals=0,
    ),
)

_WHOLE = (
    over_windows(
        "Drift of predictions and outcomes",
        "PSI over its limit; above 1 is drift. Defaults can multiply while both lie still: see Performance.",
        {
            "prediction": by_window("loan_monitor_prediction_drift_ratio"),
            "outcome mix": by_window("loan_monitor_outcome_drift_ratio"),
        },
        unit="none",
        colours={"prediction": "purple", "outcome mix": "orange"},
        limits=limits_of("PredictionDrift"),
    ),
    bars(
        "Share of the features that drift",
        "Of all features of the contract.",
        {"drifted": by_window("loan_monitor_drifted_share")},
        unit="percentunit",
        colours={"drifted": "red"},
    ),
    bars(
        "Approved share by window",
        "Beside what the policy would have approved of the reference sample.",
        {
            "approved": by_window("loan_monitor_approved_share"),
            "reference": by_window("loan_monitor_window_rows") + " * 0 + scalar(loan_monitor_reference_approved_share)",
        },
        unit="percentunit",
        colours={"approved": "green", "reference": "#808080"},
    ),
    bars(
        "Decisions by window",
        "late: came after their window was closed; kept in the store, judged nowhere.",
        {"judged": by_window("loan_monitor_window_rows"), "late": by_window("loan_monitor_window_late_rows")},
        unit="short",
        colours={"judged": "blue", "late": "orange"},
        stacked=True,
    ),
)

DRIFT = Board(
    uid="loan-drift",
    title="Loans: drift",
    text="Are the applications still of the kind the model learned from? By closed window, against its reference.",
    rows={"": _NEWEST, "Features": _FEATURES, "Predictions, outcomes, windows": _WHOLE},
    variables=window_variables(),
    since="now-6h",
    refresh="30s",
)
