"""The analyst's part: a window's event comes from the store alone, and later revisions change its performance only."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models.bundle import load_bundle, shipped_bundle
from monitoring.jobs.window_job import close_window, prepare, refresh_window
from monitoring.statistics.window_analysis import Options
from monitoring.store import DecisionStore, Put, WindowKey
from stream_app.drift_events import DriftEvent
from stream_app.errors import StoreError
from tests.builders.stored_loans import (
    APRIL_US,
    MARCH_US,
    MAY_US,
    MONTH,
    ROWS,
    decisions,
    make_store,
    outcome,
    rows_of_reference,
)

BUNDLE = shipped_bundle()
MARCH = decisions(MARCH_US, rows_of_reference(low_doc="N"))


@pytest.fixture
def key(tmp_path: Path) -> WindowKey:
    return make_store(tmp_path / "decisions.db", MARCH)[0]


def closed(folder: Path, key: WindowKey, options: Options | None = None) -> DriftEvent:
    record = close_window(str(folder / "decisions.db"), BUNDLE, key, options or Options(), revision=1, at_us=MAY_US)
    return msgspec.json.decode(record, type=DriftEvent)


def test_a_window_is_read_from_the_store_and_compared_with_the_bundle(tmp_path: Path, key: WindowKey) -> None:
    event = closed(tmp_path, key)
    assert (event.window.id, event.rows, event.revision) == ("2006-03", ROWS, 1)
    assert event.reference_version == load_bundle(BUNDLE).version
    assert [each.feature for each in event.features if each.shift.drifted] == ["low_doc"]
    assert event.computed_at.timestamp() * 1e6 == MAY_US


def test_the_options_are_those_given(tmp_path: Path, key: WindowKey) -> None:
    assert closed(tmp_path, key, Options(min_rows=ROWS + 1)).verdict == "too_few"


def test_outcomes_make_a_revision_with_another_performance_and_the_same_drift(tmp_path: Path, key: WindowKey) -> None:
    first = closed(tmp_path, key)
    url = str(tmp_path / "decisions.db")
    with DecisionStore.open(url) as store:
        store.put(Put([], [outcome(row, defaulted=number % 10 == 0) for number, row in enumerate(MARCH)], {}, MONTH))
        [stale] = [store.window(key.id)]
    assert stale is not None
    last = msgspec.json.encode(first)
    second = msgspec.json.decode(refresh_window(url, BUNDLE, stale, Options(), last, MAY_US + 1), type=DriftEvent)
    assert second.revision == 2
    assert (first.performance[0].realised, second.performance[0].labelled_share) == (None, 1.0)
    same = {"revision": 1, "computed_at": first.computed_at, "performance": first.performance}
    assert msgspec.structs.replace(second, **same) == first


def test_without_a_store_it_is_said_which_is_missing(tmp_path: Path) -> None:
    nowhere = WindowKey("2006-03", "time", MARCH_US, APRIL_US, None, None, 0)
    with pytest.raises(StoreError, match=r"decisions\.db"):
        closed(tmp_path, nowhere)


def test_the_bundle_can_be_read_before_the_first_window() -> None:
    prepare(BUNDLE)
