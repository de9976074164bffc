"""The dashboard's figures, from decision store, bundle and topics, refreshed at most once a second."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from models.bundle import Bundle
from monitoring.reports.folder import name_of
from stream_app.drift_events import DriftEvent
from stream_app.errors import StoreError, trace_of
from stream_app.gateway import dashboard_schema as schema
from stream_app.gateway.dashboard_data import DashboardData
from stream_app.gateway.health import Health
from stream_app.gateway.request_reply import RequestReply
from stream_app.gateway.store_lookups import LazyDecisionStore
from stream_app.gateway.ttl_cache import TtlCache

log = logging.getLogger(__name__)

BINS = 30
NEWS_DECISIONS = 10


class Dashboard:
    """``store``: apart from the one that requests are looked up in, which a long query of ours must not hold up."""

    def __init__(
        self, bundle: Bundle, store: LazyDecisionStore, health: Health, request_reply: RequestReply, reports: Path
    ) -> None:
        policy = bundle.policy
        self._model = schema.DashboardModel(bundle.name, bundle.version)
        self._policy = schema.DashboardPolicy(policy.review_at, policy.refuse_at)
        self._store, self._health, self._request_reply, self._reports = store, health, request_reply, reports
        reference = _reference_scores(bundle)
        self._edges = edges_for(reference, policy.refuse_at)
        self._reference = shares_of(reference, self._edges)
        self._stored = DashboardData()
        self._data = TtlCache(self._refreshed)
        self.news = TtlCache(self._make_news).get
        """The JSON of :class:`DashboardNews`, made once for all listeners."""

    async def state(self) -> schema.DashboardState:
        status, outcomes = await self._health.status(), (await self._data.get()).outcomes
        approved, review, refused = outcomes["approved"], outcomes["review"], outcomes["refused"]
        return schema.DashboardState(
            model=self._model,
            policy=self._policy,
            clients=status.clients,
            decisions=schema.DashboardDecisions(approved + review + refused, approved, review, refused),
            rejections=self._request_reply.rejections,
            rejections_since=self._request_reply.rejections_since,
            lag=status.lag,
            operational=status.operational,
        )

    async def histogram(self) -> schema.Histogram:
        scores = (await self._data.get()).scores
        return schema.Histogram(self._edges, self._reference, shares_of(scores, self._edges), len(scores))

    async def decisions(self, last: int) -> list[schema.DashboardDecision]:
        return (await self._data.get()).newest[:last]

    async def outcomes(self) -> list[schema.OutcomeShares]:
        return [_shares(event) for event in (await self._data.get()).windows]

    async def performance(self) -> list[schema.WindowPerformance]:
        windows = (await self._data.get()).windows
        return [_performance(event) for event in windows if event.performance]

    async def drift(self) -> schema.DriftMap:
        windows = (await self._data.get()).windows
        return drift_map(windows, await asyncio.to_thread(self._reports_of, windows))

    async def close(self) -> None:
        await self._store.close()

    async def _make_news(self) -> bytes:
        news = schema.DashboardNews(await self.state(), await self.decisions(NEWS_DECISIONS), await self.histogram())
        return msgspec.json.encode(news)

    async def _refreshed(self) -> DashboardData:
        if self._store.made:
            try:
                await self._store.run(self._stored.refresh)
            except StoreError as fault:
                log.warning("the decision store does not answer, the dashboard stays as it was (%s)", trace_of(fault))
        return self._stored

    def _reports_of(self, windows: Sequence[DriftEvent]) -> dict[str, str]:
        files = {event.window.id: name_of(event.window.id) for event in windows}
        return {window: f"/reports/{file}" for window, file in files.items() if (self._reports / file).is_file()}


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


def drift_map(windows: Sequence[DriftEvent], reports: dict[str, str]) -> schema.DriftMap:
    """Features in the order of the newest window; null where a window has no such feature or too few rows."""
    ratios = [{drift.feature: drift.shift.ratio for drift in event.features} for event in windows]
    features = list(dict.fromkeys(feature for window in reversed(ratios) for feature in window))
    rows = [[_rounded(window.get(feature)) for window in ratios] for feature in features]
    return schema.DriftMap([event.window.id for event in windows], features, rows, reports)


def _rounded(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 4)


def _shares(event: DriftEvent) -> schema.OutcomeShares:
    mix = event.outcomes
    return schema.OutcomeShares(event.window.id, mix.approved, mix.review, mix.refused, event.rows)


def _performance(event: DriftEvent) -> schema.WindowPerformance:
    """Of the model that decided most."""
    most = max(event.performance, key=lambda performance: performance.rows)
    realised = most.realised
    interval = realised.default_rate_interval if realised else None
    return schema.WindowPerformance(
        window=event.window.id,
        expected=most.expected_default_rate,
        realised=realised.default_rate if realised else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        labelled_share=most.labelled_share,
        calibration=realised.calibration if realised else "unknown",
    )


def _reference_scores(bundle: Bundle) -> NDArray[np.float64]:
    """Of the reference sample."""
    column: Any = pq.read_table(io.BytesIO(bundle.reference), columns=["probability_of_default"]).column(0)
    return np.asarray(column.to_numpy(), dtype=np.float64)
