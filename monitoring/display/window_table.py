"""Closed windows as a table: a row a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from monitoring.display.table import Cell, Column, Grid
from monitoring.display.verdicts import ALARM, CALIBRATIONS, NONE, VERDICTS, drifted
from stream_app.drift_events import DriftEvent, Performance

NAMED = 3
"""Distributions a window names as drifted; the others are counted."""

_WINDOW = (
    Column("window"),
    Column("decisions", right=True),
    Column("verdict"),
    Column("what drifted", wraps=True),
    Column("approved", right=True, optional=True),
)
_MODEL = Column("model")
_PERFORMANCE = (
    Column("default\npredicted", right=True),
    Column("defaulted\nso far", right=True),
    Column("outcome\nknown", right=True, optional=True),
    Column("observed ÷\npredicted", right=True, optional=True),
    Column("calibration"),
)


def window_grid(events: Sequence[DriftEvent]) -> Grid:
    """A row a window in the given order, and one more for each further model version that decided in it.

    ``default predicted``: mean probability of default. ``defaulted so far``: known defaults as a share of all
    decisions, which rises to the default rate as outcomes come. ``observed ÷ predicted``: bounds that hold whatever the
    open loans do; the calibration is their verdict on the probabilities of default (PD). The model has a column when
    there is more than one.
    """
    with_model = len({performance.model_version for event in events for performance in event.performance}) > 1
    columns = (*_WINDOW, *((_MODEL,) if with_model else ()), *_PERFORMANCE)
    rows = list(chain.from_iterable(_rows(event, with_model) for event in events))
    references = ", ".join(dict.fromkeys(event.reference_version for event in events))
    return Grid(f"Decisions by window, against the training sample of bundle version {references}", columns, rows)


def _rows(event: DriftEvent, with_model: bool) -> Iterator[list[Cell]]:
    first = [
        Cell(event.window.id, "bold"),
        Cell(f"{event.rows:,}"),
        VERDICTS[event.verdict],
        Cell(_some(drifted(event)), ALARM),
        Cell(f"{event.outcomes.approved:.1%}") if event.rows else NONE,
    ]
    further = [Cell("")] * len(first)
    for number, performance in enumerate(event.performance or (None,)):
        model = [Cell(performance.model_version) if performance else NONE] if with_model else []
        yield [*(further if number else first), *model, *_performance_cells(performance)]


def _performance_cells(performance: Performance | None) -> list[Cell]:
    if performance is None:
        return [NONE] * len(_PERFORMANCE)
    predicted, known = Cell(f"{performance.expected_default_rate:.1%}"), Cell(f"{performance.labelled_share:.0%}")
    realised = performance.realised
    if realised is None:
        return [predicted, NONE, known, NONE, CALIBRATIONS["unknown"]]
    so_far = realised.default_rate * performance.labelled_share
    return [
        predicted,
        Cell(f"{so_far:.1%}", ALARM if realised.calibration == "predicted_too_low" else ""),
        known,
        Cell(f"{realised.bounds.low:.2f} – {realised.bounds.high:.2f}"),
        CALIBRATIONS[realised.calibration],
    ]


def _some(names: Sequence[str]) -> str:
    more = f" +{len(names) - NAMED}" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
