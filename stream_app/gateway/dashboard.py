"""The dashboard's figures, from the decision store, the bundle and the topics; made anew at most once a second."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.bundle import REFERENCE, Bundle
from monitoring.reports.folder import name_of
from stream_app.drift_events import DriftEvent, Shift
from stream_app.errors import StoreError, trace_of
from stream_app.gateway.dashboard_data import DashboardData
from stream_app.gateway.dashboard_schema import (
    DashboardDecision,
    DashboardDecisions,
    DashboardModel,
    DashboardNews,
    DashboardPolicy,
    DashboardState,
    DriftMap,
    Histogram,
    OutcomeShares,
    WindowPerformance,
)
from stream_app.gateway.health import Health, Status
from stream_app.gateway.store_lookups import LazyDecisionStore
from stream_app.gateway.ttl_cache import TtlCache

log = logging.getLogger(__name__)

BINS = 30
NEWS_DECISIONS = 10


class Dashboard:
    """``rejections``: everybody's by reason, counted from the topic. ``store``: apart from the one that requests are
    looked up in, which a long query of ours must not hold up.
    """

    def __init__(
        self, bundle: Bundle, store: LazyDecisionStore, health: Health, rejections: Counter[str], reports: Path
    ) -> None:
        self._model, self._policy = DashboardModel(bundle.name, bundle.version), bundle.policy
        self._store, self._health, self._rejections, self._reports = store, health, rejections, reports
        self._since = dt.datetime.now(dt.UTC).replace(microsecond=0)
        reference = _reference_scores(bundle)
        self._edges = edges_for(reference, bundle.policy.refuse_at)
        self._reference = shares_of(reference, self._edges)
        self._tally = DashboardData()
        self._fresh = TtlCache(self._refreshed)
        self._news = TtlCache(self._make_news)

    async def state(self) -> DashboardState:
        return self._state_of(await self._health.status(), await self._fresh.get())

    async def histogram(self) -> Histogram:
        return self._histogram_of(await self._fresh.get())

    async def decisions(self, last: int) -> list[DashboardDecision]:
        return (await self._fresh.get()).newest[:last]

    async def outcomes(self) -> list[OutcomeShares]:
        return [_shares(event) for event in (await self._fresh.get()).windows]

    async def performance(self) -> list[WindowPerformance]:
        windows = (await self._fresh.get()).windows
        return [_performance(event) for event in windows if event.performance]

    async def drift(self) -> DriftMap:
        windows = (await self._fresh.get()).windows
        return drift_map(windows, await asyncio.to_thread(self._reports_of, windows))

    async def close(self) -> None:
        """Let go of the store."""
        await self._store.close()

    async def news(self) -> bytes:
        """The JSON of :class:`DashboardNews`."""
        return await self._news.get()

    async def _make_news(self) -> bytes:
        state, histogram = await self.state(), await self.histogram()
        return msgspec.json.encode(DashboardNews(state, await self.decisions(NEWS_DECISIONS), histogram))

    async def _refreshed(self) -> DashboardData:
        if self._store.made:
            try:
                await self._store.use_aside(self._tally.refresh)
            except StoreError as fault:
                log.warning(
                    "the dashboard shows what it knew: the decision store does not answer (%s)", trace_of(fault)
                )
        return self._tally

    def _state_of(self, status: Status, tally: DashboardData) -> DashboardState:
        counts = tally.outcomes
        approved, review, refused = counts["approved"], counts["review"], counts["refused"]
        return DashboardState(
            model=self._model,
            policy=DashboardPolicy(self._policy.review_at, self._policy.refuse_at),
            clients=status.clients,
            decisions=DashboardDecisions(approved + review + refused, approved, review, refused),
            rejections=dict(self._rejections.most_common()),
            rejections_since=self._since,
            lag=status.lag,
            operational=status.operational,
        )

    def _histogram_of(self, tally: DashboardData) -> Histogram:
        scores = tally.scores
        return Histogram(self._edges, self._reference, shares_of(scores, self._edges), len(scores))

    def _reports_of(self, windows: Sequence[DriftEvent]) -> dict[str, str]:
        files = {event.window.id: name_of(event.window.id) for event in windows}
        return {each: f"/reports/{file}" for each, file in files.items() if (self._reports / file).is_file()}


def edges_for(reference: NDArray[np.float64], refuse_at: float) -> list[float]:
    """Equal steps from 0 to where nearly all of the reference is, and past the cut-off, on a round number."""
    highest = max(float(np.quantile(reference, 0.999)) if len(reference) else 0.0, 1.5 * refuse_at)
    top = min(1.0, np.ceil(highest * 20) / 20)
    return [round(float(edge), 6) for edge in np.linspace(0.0, top, BINS + 1)]


def shares_of(scores: NDArray[np.float64], edges: Sequence[float]) -> list[float]:
    """The share of scores in each bin, the last one with all above; zeros without any."""
    if not len(scores):
        return [0.0] * (len(edges) - 1)
    counts, _ = np.histogram(np.clip(scores, edges[0], edges[-1]), edges)
    return [round(float(share), 6) for share in counts / len(scores)]


def drift_map(windows: Sequence[DriftEvent], reports: dict[str, str]) -> DriftMap:
    """Features in the order of the newest window; null where a window has no such feature or too few rows."""
    shifts: list[dict[str, Shift]] = [{of.feature: of.shift for of in event.features} for event in windows]
    features = list(dict.fromkeys(name for of_window in reversed(shifts) for name in of_window))
    ratio = [[_ratio(of_window.get(name)) for of_window in shifts] for name in features]
    return DriftMap([event.window.id for event in windows], features, ratio, reports)


def _ratio(shift: Shift | None) -> float | None:
    return None if shift is None or shift.ratio is None else round(shift.ratio, 4)


def _shares(event: DriftEvent) -> OutcomeShares:
    mix = event.outcomes
    return OutcomeShares(event.window.id, mix.approved, mix.review, mix.refused, event.rows)


def _performance(event: DriftEvent) -> WindowPerformance:
    """Of the model that decided most."""
    most = max(event.performance, key=lambda each: each.rows)
    realised = most.realised
    interval = realised.default_rate_interval if realised else None
    return WindowPerformance(
        window=event.window.id,
        expected=most.expected_default_rate,
        realised=realised.default_rate if realised else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        labelled_share=most.labelled_share,
        calibration=realised.calibration if realised else "unknown",
    )


def _reference_scores(bundle: Bundle) -> NDArray[np.float64]:
    """Of the reference sample; the file's hash was verified with the bundle."""
    column: Any = pq.read_table(bundle.path / REFERENCE, columns=["probability_of_default"]).column(0)
    return np.asarray(column.to_numpy(), dtype=np.float64)
