"""What the analyst's process does: read a closed window's decisions from the store, say what they are.

These functions are called by their names in a process of their own (:mod:`monitoring.jobs.child_process`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from monitoring.inputs import judge_at, store_at
from monitoring.statistics.window_analysis import Options, analyse
from monitoring.store import WindowKey
from stream_app.drift_events import DriftEvent


def prepare(bundle_path: Path) -> None:
    """Read the bundle now, so that no window waits for it. Raises BundleError."""
    judge_at(bundle_path)


def close_window(
    store_url: str, bundle_path: Path, key: WindowKey, options: Options, revision: int, at_us: int
) -> bytes:
    """The drift event of a closed window as JSON, as its decisions and the outcomes known now make it.

    ``at_us``: now, for the record. Raises StoreUnavailable, StoreError when its decisions were removed, BundleError.
    """
    return msgspec.json.encode(_analysed(store_url, bundle_path, key, options, revision, at_us))


def refresh_window(
    store_url: str, bundle_path: Path, key: WindowKey, options: Options, last: bytes, at_us: int
) -> bytes:
    """The drift event after ``last``: the same window, drift and reference, and the performance the outcomes show now.

    What drifted was said once, against the bundle of its day; outcomes do not change it. Raises as
    :func:`close_window` does.
    """
    before = msgspec.json.decode(last, type=DriftEvent)
    now = _analysed(store_url, bundle_path, key, options, before.revision + 1, at_us)
    after = msgspec.structs.replace(
        before, revision=now.revision, computed_at=now.computed_at, performance=now.performance
    )
    return msgspec.json.encode(after)


def _analysed(
    store_url: str, bundle_path: Path, key: WindowKey, options: Options, revision: int, at_us: int
) -> DriftEvent:
    judge = judge_at(bundle_path)
    rows = store_at(store_url).rows_of(key)
    computed_at = dt.datetime.fromtimestamp(at_us / 1e6, dt.UTC)
    return analyse(rows, key, judge.reference, judge.bundle.version, options, computed_at, revision)
