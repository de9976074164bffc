"""The JSON of ``/board``. Shares and probabilities are 0..1, times RFC 3339 in UTC.

Null means that there were too few data.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from stream_app.drift_events import CalibrationVerdict
from stream_app.events import OutcomeName


@dataclass(frozen=True)
class DashboardModel:
    """The model the gateway's bundle holds."""

    name: str
    version: str


@dataclass(frozen=True)
class DashboardPolicy:
    """Approved below ``review_at``, refused from ``refuse_at``, review between."""

    review_at: float
    refuse_at: float


@dataclass(frozen=True)
class DashboardDecisions:
    """How many decisions the store has."""

    total: int
    approved: int
    review: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class DashboardState:
    """The key figures. ``rejections``: those on the topic by reason, the oldest at ``rejections_since``; of each
    partition at most the newest 50,000 from before this gateway's start; null before the broker was reached.

    ``lag``: requests no scorer has answered yet; null while the broker is away. ``clients``: null while their store is.
    """

    model: DashboardModel
    policy: DashboardPolicy
    clients: int | None
    decisions: DashboardDecisions
    rejections: dict[str, int] | None
    rejections_since: dt.datetime
    lag: int | None
    operational: bool


@dataclass(frozen=True)
class Histogram:
    """Shares of the probability of default between ``edges`` (one more than shares), the last bin with all above.

    ``decisions``: of the newest ``n`` (at most 5,000), all zero without any.
    """

    edges: list[float]
    reference: list[float]
    decisions: list[float]
    n: int


@dataclass(frozen=True, kw_only=True)
class DashboardDecision:
    """One of the newest decisions. ``reasons``: texts, the strongest first."""

    request_id: str
    client_id: str
    requested_at: dt.datetime
    decided_at: dt.datetime
    outcome: OutcomeName
    probability_of_default: float
    reasons: list[str]


@dataclass(frozen=True)
class OutcomeShares:
    """What became of one window's requests, in shares."""

    window: str
    approved: float
    review: float
    refused: float
    rows: int


@dataclass(frozen=True)
class DriftMap:
    """PSI over its limit, above 1 is drift: ``ratio[feature][window]``. ``reports``: addresses of those there are."""

    windows: list[str]
    features: list[str]
    ratio: list[list[float | None]]
    reports: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class WindowPerformance:
    """Default rates of one window: what the model expected, what came true so far with its 95 % interval."""

    window: str
    expected: float
    realised: float | None
    low: float | None
    high: float | None
    labelled_share: float
    calibration: CalibrationVerdict


@dataclass(frozen=True)
class DashboardNews:
    """One message of the event stream."""

    state: DashboardState
    decisions: list[DashboardDecision]
    histogram: Histogram
