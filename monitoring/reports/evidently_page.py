"""Evidently's part of a report: its drift table, each distribution beside the reference's, in a page of its own.

Imports Evidently, which takes four seconds and 200 MB: for a process that makes reports, not for the monitor's.
"""

from __future__ import annotations

import os

os.environ["DO_NOT_TRACK"] = "1"  # before the import of Evidently, which calls home otherwise

import warnings
from dataclasses import dataclass
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.core.container import MetricContainer
from evidently.core.report import Context
from evidently.legacy.metrics import DataDriftTable

from monitoring.display.verdicts import drifted
from monitoring.reports.frames import printable
from stream_app.drift_events import DriftEvent

NUMBERS, CATEGORIES = "wasserstein", "jensenshannon"
"""Evidently's methods, named: what it would take by itself changes with the number of rows."""

_ALWAYS, _NEVER = 0.0, float("inf")
"""Thresholds of a distance: see :class:`DriftTable`."""


class DriftTable(MetricContainer):  # type: ignore[misc]  # evidently has no types
    """The drift table of Evidently's ``DataDriftPreset`` and nothing else of it, in the monitor's own words.

    The preset computes each distance three times over and judges each by a fixed threshold, whatever the number of
    rows. Here a distribution is "detected" if it drifted by the monitor's verdict, so that a page has one verdict.
    """

    numbers: list[str]
    categories: list[str]
    drifted: list[str]

    def generate_metrics(self, context: Context) -> list[Any]:  # noqa: ARG002 - Evidently's signature
        return []

    def render(self, context: Context, child_widgets: Any = None) -> list[Any]:  # noqa: ARG002
        names = [*self.numbers, *self.categories]
        table = DataDriftTable(
            columns=names,
            num_stattest=NUMBERS,
            cat_stattest=CATEGORIES,
            per_column_stattest_threshold={name: _ALWAYS if name in self.drifted else _NEVER for name in names},
        )
        _, widgets = context.get_legacy_metric(table, None, None)
        return list(widgets)


@dataclass(frozen=True)
class Pictures:
    """Evidently's page, and the distributions that are not in it."""

    html: str
    left_out: list[str]


def pictures_of(current: pd.DataFrame, reference: pd.DataFrame, event: DriftEvent) -> Pictures:
    """Two frames of the same columns, drawn beside each other; verdicts are those of ``event``.

    Columns of objects are categories, the others numbers. Left out is what has no value on one side: one such column
    makes Evidently give up the whole report.
    """
    drawn = [name for name in current.columns if current[name].notna().any() and reference[name].notna().any()]
    numbers = [name for name in drawn if pd.api.types.is_numeric_dtype(current[name])]
    categories = [name for name in drawn if name not in numbers]
    kinds = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    table = DriftTable(numbers=numbers, categories=categories, drifted=[printable(name) for name in drifted(event)])
    sides = [Dataset.from_pandas(frame[drawn], kinds) for frame in (current, reference)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as at its import
        html = Report([table], include_tests=False).run(*sides).get_html_str(as_iframe=False)
    return Pictures(html, [name for name in current.columns if name not in drawn])
