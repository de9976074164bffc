"""From the stored decisions of one window to its drift event."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

import numpy as np

from monitoring.statistics.bins import Vector
from monitoring.statistics.drift import Options, drift_of
from monitoring.statistics.feature_columns import feature_columns
from monitoring.statistics.performance import performance_of
from monitoring.statistics.reference import Reference
from monitoring.store import Rows, WindowKey
from stream_app.drift_events import DriftEvent, Performance, WindowRef

__all__ = ["Options", "analyse", "window_ref"]

MOST_VERSIONS = 100
"""Model versions whose performance is in the event, those with the most rows: an event must fit into one record."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def analyse(
    rows: Rows,
    key: WindowKey,
    reference: Reference,
    reference_version: str,
    options: Options,
    computed_at: dt.datetime,
    revision: int,
) -> DriftEvent:
    """The drift event of one window as of now. The same arguments give the same event.

    Records that do not fit the reference's contract are counted and left out of everything; ``rows`` of the event are
    the others. Performance is given for each model version among them, :data:`MOST_VERSIONS` at most, in the order of
    their names.
    """
    columns, fits = feature_columns(reference.contract, rows.records)
    matrix, unseen = reference.contract.encode(columns)
    outcomes, versions = _where(fits, rows.outcome), _where(fits, rows.model_version)
    probability, defaulted = rows.probability[fits], rows.defaulted[fits]
    drift = drift_of(reference, matrix, unseen, probability, outcomes, options)
    return DriftEvent(
        window=window_ref(key),
        revision=revision,
        computed_at=computed_at,
        reference_version=reference_version,
        rows=len(matrix),
        late_rows=rows.late,
        unreadable_rows=len(fits) - len(matrix),
        verdict=drift.verdict,
        drifted_share=drift.drifted_share,
        features=drift.features,
        prediction=drift.prediction,
        outcomes=drift.outcomes,
        performance=_performance(versions, probability, defaulted, options.min_rows),
    )


def window_ref(key: WindowKey) -> WindowRef:
    """The window as its event names it."""
    return WindowRef(id=key.id, kind=key.kind, start=_time(key.start_us), end=_time(key.end_us))


def _time(us: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=us)


def _where(kept: np.ndarray[tuple[int], np.dtype[np.bool_]], values: Sequence[str]) -> list[str]:
    return list(values) if kept.all() else [value for value, keep in zip(values, kept, strict=True) if keep]


def _performance(
    versions: Sequence[str], probability: Vector, defaulted: Vector, min_rows: int
) -> tuple[Performance, ...]:
    shown = sorted(name for name, _ in Counter(versions).most_common(MOST_VERSIONS))
    of_row = np.array(versions, dtype=np.object_)  # as text the longest version would set the width of all
    parts = [(name, of_row == name) for name in shown]
    return tuple(performance_of(name, probability[part], defaulted[part], min_rows) for name, part in parts)
