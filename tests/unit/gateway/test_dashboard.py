"""The dashboard's figures: bins, shares, the drift map, what is new in the store, and the event stream."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from monitoring.store import DecisionRow, DecisionStore
from stream_app.drift_events import FeatureDrift, Interval, Performance, Realised, Shift
from stream_app.gateway import dashboard_data
from stream_app.gateway.dashboard import BINS, _performance, drift_map, edges_for, shares_of
from stream_app.gateway.dashboard_data import RECHECK_SECONDS, DashboardData
from stream_app.gateway.dashboard_schema import WindowPerformance
from stream_app.gateway.event_stream import EventStream
from stream_app.gateway.static_files import STATIC
from tests.builders.drift_events import short_event
from tests.builders.gateway import run
from tests.builders.records import output_of, record, request
from tests.builders.store_rows import DAILY, DAY, decision, put

# ---- figures --------------------------------------------------------------------------------------------------------


def test_the_bins_reach_past_the_cut_off_and_past_nearly_all_of_the_reference() -> None:
    assert edges_for(np.linspace(0, 0.12, 1_000), refuse_at=0.11)[-1] == pytest.approx(0.2)
    assert edges_for(np.linspace(0, 0.52, 1_000), refuse_at=0.11)[-1] == pytest.approx(0.55)
    assert edges_for(np.ones(10), refuse_at=0.9)[-1] == 1.0
    assert len(edges_for(np.zeros(0), refuse_at=0.1)) == BINS + 1


def test_shares_of_a_histogram_sum_to_one_and_the_last_bin_takes_all_above() -> None:
    shares = shares_of(np.array([0.0, 0.05, 0.1, 0.7, 1.0]), [0.0, 0.1, 0.2])
    assert shares == [0.4, 0.6]


def test_no_scores_are_no_shares() -> None:
    assert shares_of(np.empty(0), [0.0, 0.1, 0.2]) == [0.0, 0.0]


def of_feature(name: str, psi: float | None, limit: float | None = 0.25) -> FeatureDrift:
    shift = Shift(psi=psi, psi_limit=limit, drifted=False, distance=None, distance_method="none")
    return FeatureDrift(
        feature=name, kind="number", shift=shift, missing_share=0, reference_missing_share=0, unseen_share=0
    )


def test_the_drift_map_has_a_row_a_feature_and_null_where_nothing_is_known() -> None:
    windows = [
        short_event("a", features=(of_feature("old", 0.5), of_feature("both", None, None))),
        short_event("b", features=(of_feature("new", 0.25), of_feature("both", 0.1))),
    ]
    drift = drift_map(windows, {"b": "/reports/window-b.html"})
    assert (drift.windows, drift.features) == (["a", "b"], ["new", "both", "old"])
    assert drift.ratio == [[None, 1.0], [None, 0.4], [2.0, None]]
    assert drift.reports == {"b": "/reports/window-b.html"}


def performance(rows: int, rate: float, realised: Realised | None) -> Performance:
    return Performance(
        model_version="v", rows=rows, expected_default_rate=rate, expected_auc=None, labelled=0, labelled_share=0.5,
        realised=realised,
    )  # fmt: skip


def test_the_performance_of_a_window_is_that_of_the_model_that_decided_most() -> None:
    realised = Realised(
        default_rate=0.2, default_rate_interval=Interval(0.1, 0.3), auc=None, auc_interval=None, brier=0, log_loss=0,
        observed_over_predicted=None, bounds=Interval(0, 1), calibration="in_line",
    )  # fmt: skip
    event = short_event("a", performance=(performance(1, 0.9, None), performance(9, 0.1, realised)))
    assert _performance(event) == WindowPerformance(
        window="a", expected=0.1, realised=0.2, low=0.1, high=0.3, labelled_share=0.5, calibration="in_line"
    )


# ---- what is new in the store ---------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DecisionStore]:
    with DecisionStore.open(str(tmp_path / "d.db")) as opened:
        yield opened


def decided(name: str, amount: float) -> DecisionRow:
    """A row with a real decision in it: amount / 1,000,000 is its probability."""
    body = request(request_id=name, features={"amount": amount, "employees": 3, "home": "own"})
    text = (output_of(record(body)).value or b"").decode()
    return decision(name, outcome=json.loads(text)["outcome"], probability_of_default=amount / 1e6, record=text)


def decided_on_day(day: int, name: str, amount: float) -> DecisionRow:
    return decided(name, amount)._replace(requested_at_us=(day - 1) * DAY + 1)


def test_the_data_follow_the_store_and_shows_the_newest_first_with_their_reasons(store: DecisionStore) -> None:
    data = DashboardData()
    put(store, [decided("a", 1_000), decided("b", 500_000)])
    data.refresh(store)
    put(store, [decided("c", 90_000)])
    data.refresh(store)
    data.refresh(store)
    assert data.outcomes == {"approved": 1, "review": 1, "refused": 1}
    assert data.scores.tolist() == [0.001, 0.5, 0.09]
    assert [(shown.request_id, shown.outcome) for shown in data.newest] == [
        ("c", "review"), ("b", "refused"), ("a", "approved"),
    ]  # fmt: skip
    assert data.newest[1].reasons[0] == "The amount is high."
    assert data.newest[2].reasons == []


def test_a_large_store_is_counted_bit_by_bit(store: DecisionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_data, "_COUNTED_AT_ONCE", 2)
    put(store, [decided(f"r{n}", 1_000) for n in range(5)])
    data = DashboardData()
    counted = []
    for _ in range(4):
        data.refresh(store)
        counted.append(data.outcomes["approved"])
    assert counted == [2, 4, 5, 5]


def test_only_the_newest_scores_are_kept(store: DecisionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_data, "MAX_SCORES", 3)
    data = DashboardData()
    put(store, [decided(f"r{n}", 1_000 * n) for n in range(5)])
    data.refresh(store)
    assert data.scores.tolist() == [0.002, 0.003, 0.004]


def test_windows_are_read_again_when_one_closes_or_is_computed_anew(store: DecisionStore) -> None:
    data = DashboardData()
    data.refresh(store)
    assert data.windows == []
    put(store, [decided("a", 1_000)])
    store.close_due(DAY, DAILY, at_us=0)
    [key] = store.uncomputed()
    store.computed(key, short_event(revision=1))
    data.refresh(store)
    assert [event.revision for event in data.windows] == [1]
    store.computed(key, short_event(revision=2))
    data.refresh(store)
    assert [event.revision for event in data.windows] == [2]


def test_another_store_in_the_place_of_one_is_counted_from_its_beginning(store: DecisionStore, tmp_path: Path) -> None:
    data = DashboardData()
    put(store, [decided(f"r{n}", 1_000) for n in range(5)])
    data.refresh(store)
    with DecisionStore.open(str(tmp_path / "other.db")) as other:
        put(other, [decided("x", 500_000)])
        data.refresh(other)
        data.refresh(other)
    assert data.outcomes == {"refused": 1}
    assert data.scores.tolist() == [0.5]


def test_counts_and_scores_follow_the_store_when_its_retention_removes_rows(store: DecisionStore) -> None:
    now = [0.0]
    running = DashboardData(clock=lambda: now[0])
    put(store, [decided(f"old{n}", 1_000) for n in range(3)])
    running.refresh(store)
    store.close_due(DAY, DAILY, at_us=0)
    [key] = store.uncomputed()
    store.computed(key, short_event(revision=1))
    put(store, [decided_on_day(2, "new", 500_000)])
    running.refresh(store)
    assert running.outcomes == {"approved": 3, "refused": 1}
    assert store.remove_before(2 * DAY) == 3
    now[0] += RECHECK_SECONDS
    running.refresh(store)
    started_again = DashboardData()
    started_again.refresh(store)
    assert running.outcomes == started_again.outcomes == {"refused": 1}
    assert running.scores.tolist() == started_again.scores.tolist() == [0.5]


def test_a_store_that_its_retention_emptied_is_shown_empty(store: DecisionStore) -> None:
    data = DashboardData()
    put(store, [decided(f"r{n}", 1_000) for n in range(3)])
    data.refresh(store)
    store.close_due(DAY, DAILY, at_us=0)
    [key] = store.uncomputed()
    store.computed(key, short_event(revision=1))
    assert store.remove_before(2 * DAY) == 3
    data.refresh(store)
    data.refresh(store)
    assert (data.outcomes.total(), data.scores.tolist(), data.newest) == (0, [], [])


def test_while_it_counts_again_what_was_shown_stays(store: DecisionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_data, "_COUNTED_AT_ONCE", 2)
    now = [0.0]
    data = DashboardData(clock=lambda: now[0])
    put(store, [decided(f"r{n}", 1_000) for n in range(5)])
    for _ in range(3):
        data.refresh(store)
    data._counted["approved"] += 1  # as if a row had been removed since
    now[0] += RECHECK_SECONDS
    shown = []
    for _ in range(3):
        data.refresh(store)
        shown.append(data.outcomes["approved"])
    assert shown == [5, 5, 5]


# ---- the event stream -----------------------------------------------------------------------------------------------


def test_a_listener_gets_the_first_event_at_once_then_only_what_is_new_until_the_end() -> None:
    news = [b"1", b"1", b"2", b"2"]

    async def listen() -> list[bytes]:
        async def next_news() -> bytes:
            if len(news) == 1:
                stream.close()
            return news.pop(0)

        stream = EventStream(next_news, seconds=0.001)
        sent = [event.encode() async for event in stream.listen()]
        assert stream.listeners == 0
        return sent

    assert run(listen()) == [b"event: news\ndata: 1\n\n", b"event: news\ndata: 2\n\n"]


def test_heartbeats_come_more_often_than_the_page_waits_for_one() -> None:
    async def same() -> bytes:
        return b"1"

    silent_seconds = re.search(r"SILENT_SECONDS = (\d+)", (STATIC / "live.js").read_text())
    assert silent_seconds
    assert 0 < EventStream(same).response().ping_interval < int(silent_seconds[1]) / 2


def test_listeners_are_bounded() -> None:
    async def same() -> bytes:
        return b"1"

    async def listen() -> bool:
        stream = EventStream(same)
        listeners = [stream.listen() for _ in range(100)]
        for listener in listeners:
            await anext(listener)
        full = stream.full
        for listener in listeners:
            await listener.aclose()
        return full and not stream.full

    assert run(listen())
