"""The monitor's part of the dashboard Service: does it keep up, and what went wrong?"""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat

from monitoring.grafana.panels import lines, number


def _events(title: str, text: str, series: str, alert: str) -> stat.Panel:
    return number(title, text, f"sum({series})", alert=alert, decimals=0)


MONITOR = (
    lines(
        "Decisions stored",
        "Decisions a second. known: read again after a restart. late: too late for their window, kept in the store.",
        {"{{result}}": "sum by (result) (rate(loan_monitor_decisions_total[$__rate_interval]))"},
        unit="reqps",
        width=8,
    ),
    lines(
        "Outcomes stored",
        "Outcomes a second. contradicting: not the outcome known; the first stays. other_client: names another client "
        "than its request did; kept apart.",
        {"{{result}}": "sum by (result) (rate(loan_monitor_outcomes_total[$__rate_interval]))"},
        unit="reqps",
        width=8,
    ),
    lines(
        "Monitor without progress",
        "How long decisions or outcomes have waited without being stored. Zero while nothing waits.",
        {"{{instance}}": 'loan:stalled_seconds{job="monitor"}'},
        unit="s",
        width=8,
        alert="MonitorStalled",
    ),
    lines(
        "Since the last complete drift run",
        "Time since no closed window was left to judge.",
        {"seconds": "loan_monitor:seconds_since_drift_run"},
        unit="s",
        width=8,
        alert="DriftRunStale",
    ),
    lines(
        "Time to judge a window",
        "All statistics of one window, mean of an hour.",
        {
            "mean": "sum(increase(loan_monitor_window_closing_seconds_sum[1h]))"
            " / (sum(increase(loan_monitor_window_closing_seconds_count[1h])) > 0)"
        },
        unit="s",
        width=8,
    ),
    lines(
        "Odd input",
        "Events of the last hour: dated in the future, of another model, outcomes whose decision has not come.",
        {
            "in the future": "sum(increase(loan_monitor_decisions_ahead_total[1h]))",
            "other model": "sum(increase(loan_monitor_unknown_model_decisions_total[1h]))",
            "outcomes that wait": "sum(loan_monitor_outcomes_pending)",
        },
        unit="short",
        width=8,
    ),
    number(
        "Partitions of the monitor",
        "Of decisions and outcomes together. Zero: nothing is read.",
        'loan:partitions_assigned:sum{job="monitor"}',
        alert="DecisionsUnwatched",
    ),
    _events(
        "Child failures",
        "Crashes and time-outs of the monitor's child processes in the last hour.",
        "loan_monitor:child_failures:increase1h",
        "MonitorChildFailing",
    ),
    _events(
        "Failed reports",
        "Reports not written in the last hour. Figures and alerts do not depend on them.",
        "loan_monitor:failed_reports:increase1h",
        "ReportsFailing",
    ),
    _events(
        "Store failures",
        "Transactions the decision store refused in the last 15 minutes. The monitor waits and loses nothing.",
        "loan_monitor:store_failures:increase15m",
        "StoreFailing",
    ),
    _events(
        "Unreadable records",
        "Records of the last hour that break their contract; they are in no statistics.",
        "loan_monitor:unreadable_records:increase1h",
        "UnreadableRecords",
    ),
    number(
        "Event time",
        "How far the decisions have come in their own time.",
        "max(loan_monitor_event_time_timestamp_seconds > 0) * 1000",
        unit="dateTimeAsIso",
    ),
)
