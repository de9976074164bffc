"""The thresholds of the alerts, read from Prometheus' rule file, the only place that states them; panels draw them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

RULES = Path(__file__).parents[1] / "prometheus"

_SERIES = r"[a-zA-Z_:][\w:]*(?:\{[^}]*\})?"
_COMPARISON = re.compile(rf"({_SERIES})\s*(==|>=|<=|>|<)\s*(-?[\d.]+)")
_NOTHING_ELSE = re.compile(r"#(?: (?:and|or)(?: on \([\w, ]*\))? #)*")


class Limit(NamedTuple):
    """One comparison of an alert: it holds, and the alert may fire, where ``series operator value`` is true."""

    series: str
    operator: str
    value: float


def limits_in(expression: str) -> tuple[Limit, ...]:
    """The comparisons an alert's expression is made of. Raises ValueError when it is made of anything else.

    >>> limits_in('a:b{job="x"} > 1.4 or on () c:d < 0.7')
    (Limit(series='a:b{job="x"}', operator='>', value=1.4), Limit(series='c:d', operator='<', value=0.7))
    """
    if not _NOTHING_ELSE.fullmatch(_COMPARISON.sub("#", expression.strip())):
        raise ValueError(f"not comparisons of series with numbers, joined by and, or: {expression}")
    return tuple(Limit(series, operator, float(value)) for series, operator, value in _COMPARISON.findall(expression))


@cache
def alerts() -> dict[str, str]:
    """The expression of each alert, by its name."""
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def limits_of(alert: str) -> tuple[Limit, ...]:
    """What the alert says of its own figure. What follows an ``and`` (enough rows, enough requests) is not it."""
    return limits_in(re.sub(r" and on .*", "", alerts()[alert]))
