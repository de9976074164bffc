"""Performance: the figures that the probabilities promise beside those that the labels show."""

from __future__ import annotations

from monitoring.grafana.alert_thresholds import alerts, limits_of
from monitoring.grafana.boards import Board, model_variable, window_variables
from monitoring.grafana.panels import number, share, steps
from monitoring.grafana.promql import by_window
from monitoring.grafana.window_panels import bars, figures_table, over_windows

_LIMITS = limits_of("CalibrationOff")
_TOO_LOW = [limit for limit in _LIMITS if limit.operator == ">"]
_TOO_HIGH = [limit for limit in _LIMITS if limit.operator == "<"]


def _of_model(series: str) -> str:
    return by_window(f'loan_monitor_{series}{{model_version="$model"}}')


_EXPECTED = _of_model("expected_default_rate")
_REALISED = _of_model("realised_default_rate")
_LABELLED = _of_model("labelled_share")
_LOW, _RATIO, _HIGH = (_of_model("observed_over_predicted" + which) for which in ("_low", "", "_high"))

_OVERVIEW = (
    number(
        "Windows out of calibration",
        "Windows of the model in use with both bounds beyond the limits: chance and open loans cannot explain it.",
        f"count({alerts()['CalibrationOff']}) or vector(0)",
        width=6,
    ),
    number(
        "Worst, predicted too low",
        "Highest low bound of observed over predicted: at least so many times as many defaults as predicted.",
        "max(loan_monitor:observed_over_predicted:low)",
        unit="none",
        width=6,
        decimals=2,
    ).thresholds(steps(_TOO_LOW)),
    share(
        "Outcomes known",
        "Share of the decisions in the windows shown whose outcome has come.",
        f"avg({_LABELLED})",
        width=6,
    ),
    number(
        "Outcomes without a decision",
        "Outcomes that wait for their decision to come.",
        "sum(loan_monitor_outcomes_pending)",
        width=6,
    ),
)

_CALIBRATION = (
    bars(
        "Default rate: expected and realised",
        "Expected: the mean probability of default of all loans. Realised: defaults among those whose outcome is "
        "known; defaults are known before paid loans are, so read it with the share of outcomes known.",
        {"expected": _EXPECTED, "realised": _REALISED},
        unit="percentunit",
        colours={"expected": "blue", "realised": "red"},
        width=24,
    ),
    over_windows(
        "Calibration: observed over predicted defaults",
        "The band holds the final figure of the window: its low side takes every open loan as paid, its high side as "
        "defaulted. Beyond the dashed lines as a whole, the alert fires. 1 is right; it narrows as outcomes come.",
        {"low": _LOW, "observed": _RATIO, "high": _HIGH},
        unit="none",
        colours={"low": "orange", "observed": "red", "high": "orange"},
        limits=_LIMITS,
        highest=6,
        band=("low", "high"),
        width=16,
    ),
    bars(
        "Outcomes known",
        "Share of the window's loans whose outcome has come.",
        {"known": _LABELLED},
        unit="percentunit",
        colours={"known": "blue"},
        width=8,
    ),
)

_RANKING = (
    over_windows(
        "AUC: expected and realised",
        "Expected: what the probabilities promise if they are right. With a good AUC and bad calibration the order is "
        "right and only the level is wrong.",
        {"expected": _of_model("expected_auc"), "realised": _of_model("realised_auc")},
        unit="none",
        colours={"expected": "blue", "realised": "red"},
    ),
    over_windows(
        "Brier score and log-loss",
        "Of the loans whose outcome is known; lower is better.",
        {"Brier": _of_model("realised_brier"), "log-loss": _of_model("realised_log_loss")},
        unit="none",
        colours={"Brier": "purple", "log-loss": "yellow"},
    ),
)

_TABLE = (
    figures_table(
        "Every figure",
        "Rates and shares in percent. low, observed, high: observed over predicted defaults with their bounds.",
        {
            "expected rate": _EXPECTED,
            "realised rate": _REALISED,
            "outcomes known": _LABELLED,
            "low": _LOW,
            "observed": _RATIO,
            "high": _HIGH,
            "expected AUC": _of_model("expected_auc"),
            "realised AUC": _of_model("realised_auc"),
        },
        judged={"low": _TOO_LOW, "high": _TOO_HIGH},
        decimals={"low": 2, "observed": 2, "high": 2, "expected AUC": 3, "realised AUC": 3},
    ),
)

PERFORMANCE = Board(
    uid="loan-performance",
    title="Loans: performance",
    text="What the model expected of itself, and what came true, by closed window.",
    rows={"": _OVERVIEW, "Calibration": _CALIBRATION, "Ranking": _RANKING, "Table": _TABLE},
    variables=[*window_variables(), model_variable()],
    since="now-6h",
    refresh="30s",
)
