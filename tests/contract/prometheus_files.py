"""The rules Prometheus is given, parsed, and the tools that judge them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.contract.operator_files import ROOT

PROMETHEUS = ROOT / "monitoring/prometheus"
RECORDING, ALERTS = PROMETHEUS / "recording.yml", PROMETHEUS / "alerts.yml"
RULE_TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))

_SERIES = r"[a-zA-Z_:][\w:]*(?:\{[^}]*\})?"
_COMPARISON = re.compile(rf"({_SERIES})\s*(==|!=|>=|<=|>|<)\s*(-?[\d.]+)")
_JOINED = re.compile(r"^#(?: (?:and|or|unless)(?: on \([\w, ]*\))? #)*$")


class Comparison(NamedTuple):
    """One side of an alert: a series, how it is compared, with which number."""

    series: str
    operator: str
    number: float

    @property
    def name(self) -> str:
        """The series without its labels."""
        return self.series.partition("{")[0]


def rules(file: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


def comparisons(expression: str) -> list[Comparison]:
    """The comparisons an alert's expression is made of; fails when it is made of anything else."""
    assert _JOINED.match(_COMPARISON.sub("#", expression)), f"not comparisons of series with numbers: {expression}"
    return [Comparison(series, sign, float(number)) for series, sign, number in _COMPARISON.findall(expression)]


def walk(value: object) -> Iterator[dict[str, Any]]:
    """Every object inside a parsed document, the outermost first."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from walk(inside)


def tool(name: str) -> str:
    """The path of ``prometheus`` or ``promtool``; skips the test where it is missing unless REQUIRE_PROMETHEUS=1."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed (Debian's package `prometheus` has it)"
        if os.environ.get("REQUIRE_PROMETHEUS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
