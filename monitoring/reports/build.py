"""Evidently reports from the decision store: of a closed window, or of any days, against the bundle's reference or
against other days.

The monitor makes them in a process of its own (:mod:`monitoring.jobs.child_process`), ``stream-app report`` on demand.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from monitoring.baseline import Baseline, BundleSource, baseline_at
from monitoring.jobs.window_job import store_at
from monitoring.reports.folder import keep_newest, name_of, write_whole
from monitoring.reports.page import About, page
from monitoring.statistics.reference import Reference
from monitoring.statistics.window_analysis import Options, analyse
from monitoring.store import DecisionStore, Rows, WindowKey
from stream_app.drift_events import DriftEvent
from stream_app.errors import ReportFailed, StoreUnavailable

if TYPE_CHECKING:
    import pandas as pd


DEADLINE_SECONDS = 120.0
"""For one report; twenty times what one of 30 features takes."""

MOST_ROWS = 20_000
"""Decisions a report draws, and reference rows: evenly chosen ones when there are more."""


@dataclass(frozen=True)
class Days:
    """Whole days in UTC, ``first`` and ``last`` among them."""

    first: dt.date
    last: dt.date

    @property
    def key(self) -> WindowKey:
        """As a window of its own."""
        return WindowKey(str(self), "time", _midnight_us(self.first), _midnight_us(self.last, days=1), None, None, 0)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def prepare(bundle: BundleSource) -> None:
    """Import Evidently and read the bundle now, which takes seconds, so that no report waits for it."""
    _evidently()
    baseline_at(bundle)


def write_report(store_url: str, bundle: BundleSource, folder: Path, kept: int, key: WindowKey) -> Path:
    """Write the report of a window into ``folder``, of which only the ``kept`` newest stay. Returns its path, which is
    in the window's row too.

    Raises ReportFailed when the folder takes no file, StoreUnavailable, StoreError when the decisions were removed,
    BundleError.
    """
    store = store_at(store_url)
    path = folder / name_of(key.id)
    write_whole(path, _of_window(store, baseline_at(bundle), key, against=None))
    keep_newest(folder, kept)
    with contextlib.suppress(StoreUnavailable):  # the report is there all the same
        store.reported(key.id, str(path))
    return path


def write_window(store_url: str, bundle: BundleSource, window_id: str, against: Days | None, path: Path) -> None:
    """Write the report of a closed window by its id. Raises what :func:`write_report` does."""
    with DecisionStore.open(store_url, read_only=True) as store:
        key = store.window(window_id)
        if key is None:
            raise ReportFailed(f"There is no closed window {window_id!r}. {_known(store)}", do_next="Name one of them.")
        html = _of_window(store, baseline_at(bundle), key, against)
    write_whole(path, html)


def write_comparison(store_url: str, bundle: BundleSource, days: Days, against: Days | None, path: Path) -> None:
    """Write the report of the decisions requested on these days. Raises what :func:`write_report` does."""
    with DecisionStore.open(store_url, read_only=True) as store:
        baseline, rows = baseline_at(bundle), _days(store, days)
        side = _side(store, baseline, against)
    write_whole(path, _report(f"Decisions on requests of {days}", baseline, rows, days.key, side, stored=None))


def _of_window(store: DecisionStore, baseline: Baseline, key: WindowKey, against: Days | None) -> str:
    """A window's page; the stored drift event counts, where it was against the same reference."""
    event = store.window_event(key.id) if against is None else None
    same = event is not None and event.reference_version == baseline.bundle.version
    rows = store.rows_of(key, limit=MOST_ROWS)
    side = _side(store, baseline, against)
    return _report(f"Decisions of window {key.id}", baseline, rows, key, side, stored=event if same else None)


@dataclass(frozen=True)
class _Side:
    """What decisions are compared with."""

    about: str
    version: str
    reference: Reference
    frame: pd.DataFrame


def _side(store: DecisionStore, baseline: Baseline, against: Days | None) -> _Side:
    from monitoring.reports.frames import (  # noqa: PLC0415 - pandas, for the process that makes reports
        frame_of_decisions,
        frame_of_reference,
        reference_of_decisions,
    )

    bundle = baseline.bundle
    if against is None:
        rows_kept = f"{len(baseline.reference):,} rows"
        about = f"the {rows_kept} that bundle {bundle.name} {bundle.version} keeps of its training data."
        return _Side(about, bundle.version, baseline.reference, frame_of_reference(baseline.reference, bundle.policy))
    rows = _days(store, against)
    reference = reference_of_decisions(rows, bundle.contract, bundle.policy)
    about = _described(rows, len(reference), against.key)
    return _Side(about, str(against), reference, frame_of_decisions(rows, bundle.contract))


def _report(title: str, baseline: Baseline, rows: Rows, key: WindowKey, side: _Side, stored: DriftEvent | None) -> str:
    from monitoring.reports.frames import frame_of_decisions  # noqa: PLC0415

    event = stored or analyse(rows, key, side.reference, side.version, Options(), dt.datetime.now(dt.UTC), revision=1)
    frame = frame_of_decisions(rows, baseline.bundle.contract)
    if frame.empty:
        raise ReportFailed(
            f"None of the {len(rows.records):,} decisions fits the contract of bundle {baseline.bundle.name}.",
            do_next="Name the bundle that decided them with --bundle.",
        )
    pictures = _evidently().pictures_of(frame, side.frame, event)
    about = About(title, _described(rows, len(frame), key), side.about, pictures.left_out)
    return page(about, event, pictures.html)


def _evidently() -> ModuleType:
    """Evidently's part. Imported by the process that makes reports alone, and without its libraries' warnings about
    one another, which are not the user's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("monitoring.reports.evidently_page")


def _days(store: DecisionStore, days: Days) -> Rows:
    rows = store.rows_between(days.key.start_us, days.key.end_us, limit=MOST_ROWS)
    if not rows.records:
        raise ReportFailed(
            f"The store has no decision that was requested from {days}. {_known(store)}", do_next="Name other days."
        )
    return rows


def _known(store: DecisionStore) -> str:
    """Which windows there are, for people."""
    windows = [event.window for event in store.windows()]
    if not windows:
        return "No window is closed yet."
    kinds = ("time", "of event time", "STREAM_APP_WINDOW"), ("count", "by count", "STREAM_APP_COUNT_WINDOW")
    return " ".join(
        f"Closed windows {words}: {len(ids)}, {ids[0]} to {ids[-1]} ({setting} of the monitor decides their length)."
        for kind, words, setting in kinds
        if (ids := [window.id for window in windows if window.kind == kind])
    )


def _described(rows: Rows, readable: int, key: WindowKey) -> str:
    """How many decisions from when, and which are not among them."""
    start, end = (dt.datetime.fromtimestamp(us / 1e6, dt.UTC) for us in (key.start_us, key.end_us))
    thinned = f" (evenly chosen among {rows.total:,})" if rows.total > len(rows.records) else ""
    left_out = {"came too late for their window": rows.late, "do not fit the contract": len(rows.records) - readable}
    without = [f"{count:,} that {what}" for what, count in left_out.items() if count]
    text = f"{readable:,} decisions{thinned} requested from {start:%Y-%m-%d %H:%M} to before {end:%Y-%m-%d %H:%M} UTC"
    return f"{text}, without {' and '.join(without)}." if without else f"{text}."


def _midnight_us(day: dt.date, days: int = 0) -> int:
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=days)
    return round(midnight.timestamp() * 1e6)
