"""PromQL queries that several dashboards use."""

from __future__ import annotations

from collections.abc import Mapping

OF_SCORER = '{instance=~"$instance"}'

SHOWN = 'topk($last, max by (window) (loan_monitor_window_end_timestamp_seconds{kind="$kind"}))'
"""The windows a dashboard shows: the newest ``$last`` of the kind chosen."""


def rate(series: str, by: str = "") -> str:
    """Events a second of the scorers chosen, as Grafana's step allows."""
    return f"sum{by_(by)}(rate({series}[$__rate_interval]))"


def quantile(level: float, histogram: str) -> str:
    """A quantile of a scorer's histogram over Grafana's step."""
    return f"histogram_quantile({level:g}, {rate(histogram + '_bucket' + OF_SCORER, 'le')})"


def by_(labels: str) -> str:
    return f" by ({labels}) " if labels else ""


def by_window(series: str, labels: str = "window") -> str:
    """A monitor's series for the windows shown, one sample for each combination of these labels."""
    return f"max by ({labels}) ({series} and on (window) {SHOWN})"


def side_by_side(columns: Mapping[str, str]) -> str:
    """Several expressions as one, told apart by the label ``figure``.

    One query for a whole table: Grafana names the value columns of several queries by how many of them had data.
    """
    return " or ".join(f'label_replace({expr}, "figure", "{name}", "", "")' for name, expr in columns.items())
