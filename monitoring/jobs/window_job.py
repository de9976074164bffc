"""The analyst's work: read the decisions of a closed window, compute its drift event, store it in the window's row.

It runs in a process of its own (:mod:`monitoring.jobs.child_process`), so neither the decisions nor the event pass
through the monitor's: that reads what it publishes from the window's row.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import msgspec

from monitoring.baseline import BundleSource, baseline_at
from monitoring.statistics.window_analysis import Options, analyse
from monitoring.store import DecisionStore, WindowKey
from stream_app.drift_events import DriftEvent

DEADLINE_SECONDS = 120.0
"""For one window; a hundred times what 20,000 rows of 30 features take."""


def prepare(bundle: BundleSource) -> None:
    """Read the bundle now, so that no window waits for it. Raises BundleError."""
    baseline_at(bundle)


@lru_cache(maxsize=1)
def store_at(url: str) -> DecisionStore:
    """The decision store, opened once a process. Raises StoreError when there is none."""
    return DecisionStore.open(url, create=False)


def compute_window(
    store_url: str, bundle: BundleSource, options: Options, key: WindowKey, now: dt.datetime | None = None
) -> str:
    """Compute and store the next revision of a closed window's drift event. Returns the window's id.

    The first revision judges the window as its decisions and the labels known now make it. A later one keeps drift and
    reference, which were judged once against the bundle of their day, and brings the performance the labels show now.
    Raises StoreUnavailable, StoreError when the decisions were removed, BundleError.
    """
    store, baseline = store_at(store_url), baseline_at(bundle)
    last, rows = store.window_event(key.id), store.rows_of(key)
    revision = last.revision + 1 if last else 1
    version, computed_at = baseline.bundle.version, now or dt.datetime.now(dt.UTC)
    event = analyse(rows, key, baseline.reference, version, options, computed_at, revision)
    store.computed(key, event if last is None else _with_performance_of(last, event))
    return key.id


def _with_performance_of(last: DriftEvent, now: DriftEvent) -> DriftEvent:
    return msgspec.structs.replace(
        last, revision=now.revision, computed_at=now.computed_at, performance=now.performance
    )
