"""The analyst's part: it computes a window from the store alone, stores the row, and later revisions change its
performance only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from models.bundle import Bundle, load_bundle, shipped_bundle
from models.errors import BundleError
from models.origin import Origin
from monitoring import baseline
from monitoring.baseline import BundleSource
from monitoring.jobs.child_process import Child
from monitoring.jobs.window_job import compute_window, prepare, store_at
from monitoring.statistics.window_analysis import Options
from monitoring.store import DecisionStore, Put, WindowKey
from stream_app.drift_events import DriftEvent
from stream_app.errors import ChildCrashed, ChildHung, StoreError
from tests.builders import dying_analyst
from tests.builders.stored_loans import (
    APRIL_US,
    MARCH_US,
    MONTH,
    ROWS,
    decisions,
    label,
    make_store,
    rows_of_reference,
)

BUNDLE = BundleSource(shipped_bundle())
MARCH = decisions(MARCH_US, rows_of_reference(low_doc="N"))
IN_MAY = dt.datetime(2006, 5, 1, tzinfo=dt.UTC)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path / "decisions.db")
    store_at.cache_clear()


@pytest.fixture
def key(url: str) -> WindowKey:
    return make_store(Path(url), MARCH)[0]


def computed(url: str, key: WindowKey, options: Options | None = None, now: dt.datetime = IN_MAY) -> DriftEvent:
    """The event in the window's row after it was computed."""
    assert compute_window(url, BUNDLE, options or Options(), key, now) == key.id
    return stored(url, key)


def stored(url: str, key: WindowKey) -> DriftEvent:
    with DecisionStore.open(url, read_only=True) as store:
        event = store.window_event(key.id)
    assert event is not None
    return event


def test_a_window_is_read_from_the_store_and_compared_with_the_bundle(url: str, key: WindowKey) -> None:
    event = computed(url, key)
    assert (event.window.id, event.rows, event.revision) == ("2006-03", ROWS, 1)
    assert event.reference_version == load_bundle(BUNDLE.path).version
    assert [feature.feature for feature in event.features if feature.shift.drifted] == ["low_doc"]
    assert event.computed_at == IN_MAY


def test_the_options_are_those_given(url: str, key: WindowKey) -> None:
    assert computed(url, key, Options(min_rows=ROWS + 1)).verdict == "too_few"


def test_labels_make_a_revision_with_another_performance_and_the_same_drift(url: str, key: WindowKey) -> None:
    first = computed(url, key)
    with DecisionStore.open(url) as store:
        store.put(Put([], [label(row, defaulted=number % 10 == 0) for number, row in enumerate(MARCH)], {}, MONTH))
        [stale] = store.stale()
    assert (stale.revision, stale.labels_seen) == (1, ROWS)
    second = computed(url, stale, Options(min_rows=ROWS + 1), IN_MAY + dt.timedelta(days=1))
    assert (second.revision, second.computed_at.day) == (2, 2)
    assert (first.performance[0].realised, second.performance[0].labelled_share) == (None, 1.0)
    same = {"revision": 1, "computed_at": first.computed_at, "performance": first.performance}
    assert msgspec.structs.replace(second, **same) == first
    with DecisionStore.open(url, read_only=True) as store:
        assert store.stale() == []


def test_without_a_store_the_missing_one_is_named_and_none_is_created(url: str) -> None:
    nowhere = WindowKey("2006-03", "time", MARCH_US, APRIL_US, None, None, 0)
    with pytest.raises(StoreError, match=r"decisions\.db"):
        compute_window(url, BUNDLE, Options(), nowhere)
    assert not Path(url).exists()


def test_the_bundle_is_read_before_the_first_window_and_not_again(
    url: str, key: WindowKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def load(path: Path, origin: Origin) -> Bundle:
        read.append(path)
        return load_bundle(path, origin=origin)

    monkeypatch.setattr(baseline, "load_bundle", load)
    baseline.baseline_at.cache_clear()
    prepare(BUNDLE)
    assert read == [BUNDLE.path]
    computed(url, key)
    assert read == [BUNDLE.path]


def test_a_bundle_that_is_not_there_is_found_out_before_the_first_window(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        prepare(BundleSource(tmp_path / "none"))


# ---- in a process of its own -----------------------------------------------------------------------------------------

LONG, SHORT = 60.0, 4.0


@pytest.fixture
def analyst(request: pytest.FixtureRequest) -> Iterator[Child]:
    child = Child("analyst", None, getattr(request, "param", LONG))
    yield child
    child.close()


def is_stored(url: str, key: WindowKey) -> bool:
    with DecisionStore.open(url, read_only=True) as store:
        return store.window_event(key.id) is not None


def test_the_child_stores_the_row_and_the_parent_gets_the_id(analyst: Child, url: str, key: WindowKey) -> None:
    assert analyst.call(compute_window, url, BUNDLE, Options(), key) == key.id
    assert stored(url, key).revision == 1


def test_a_child_killed_before_its_commit_leaves_no_row_and_the_next_one_stores_it(
    analyst: Child, url: str, key: WindowKey
) -> None:
    with pytest.raises(ChildCrashed, match="exit status -9"):
        analyst.call(dying_analyst.die_at_commit, url, key)
    assert not is_stored(url, key)
    analyst.call(dying_analyst.store_row, url, key)
    assert is_stored(url, key)


def test_a_child_that_dies_after_its_commit_leaves_the_row(analyst: Child, url: str, key: WindowKey) -> None:
    with pytest.raises(ChildCrashed, match="exit status 7"):
        analyst.call(dying_analyst.die_after_commit, url, key)
    assert is_stored(url, key)


@pytest.mark.parametrize("analyst", [SHORT], indirect=True)
def test_a_child_that_hangs_with_the_stores_lock_is_killed_and_the_lock_is_free(
    analyst: Child, url: str, key: WindowKey
) -> None:
    with pytest.raises(ChildHung):
        analyst.call(dying_analyst.hang_at_commit, url, key)
    assert not is_stored(url, key)
    with DecisionStore.open(url, wait_seconds=0.1) as store:
        assert store.put(Put(decisions(APRIL_US, [{}]), [], {}, MONTH)).decisions_new == 1
