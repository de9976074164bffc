"""What the dashboard is given: the JSON of ``/board``. Shares and probabilities are 0..1, times RFC 3339 in UTC.

Null means that there was too little data to say.
"""

from __future__ import annotations

import datetime as dt

import msgspec

from stream_app.drift_events import CalibrationVerdict
from stream_app.events import OutcomeName


class DashboardModel(msgspec.Struct, frozen=True):
    """The model the gateway's bundle holds."""

    name: str
    version: str


class DashboardPolicy(msgspec.Struct, frozen=True):
    """Approved below ``review_at``, refused from ``refuse_at``, review between."""

    review_at: float
    refuse_at: float


class DashboardDecisions(msgspec.Struct, frozen=True):
    """How many decisions the store has."""

    total: int
    approved: int
    review: int
    refused: int


class DashboardState(msgspec.Struct, frozen=True, kw_only=True):
    """The key figures. ``rejections``: by reason, since ``rejections_since``, when this gateway began to listen.

    ``lag``: requests no scorer has answered yet; null while the broker is away. ``clients``: null while their store is.
    """

    model: DashboardModel
    policy: DashboardPolicy
    clients: int | None
    decisions: DashboardDecisions
    rejections: dict[str, int]
    rejections_since: dt.datetime
    lag: int | None
    operational: bool


class Histogram(msgspec.Struct, frozen=True):
    """Shares of the probability of default between ``edges`` (one more than shares), the last bin with all above.

    ``decisions``: of the newest ``n`` (at most 5,000), all zero without any.
    """

    edges: list[float]
    reference: list[float]
    decisions: list[float]
    n: int


class DashboardDecision(msgspec.Struct, frozen=True, kw_only=True):
    """One of the newest decisions. ``reasons``: texts, the strongest first."""

    request_id: str
    client_id: str
    requested_at: dt.datetime
    decided_at: dt.datetime
    outcome: OutcomeName
    probability_of_default: float
    reasons: list[str]


class OutcomeShares(msgspec.Struct, frozen=True):
    """What became of one window's requests, in shares."""

    window: str
    approved: float
    review: float
    refused: float
    rows: int


class DriftMap(msgspec.Struct, frozen=True):
    """PSI over its limit, above 1 is drift: ``ratio[feature][window]``. ``reports``: addresses of those there are."""

    windows: list[str]
    features: list[str]
    ratio: list[list[float | None]]
    reports: dict[str, str]


class WindowPerformance(msgspec.Struct, frozen=True, kw_only=True):
    """Default rates of one window: what the model expected, what came true so far with its 95 % interval."""

    window: str
    expected: float
    realised: float | None
    low: float | None
    high: float | None
    labelled_share: float
    calibration: CalibrationVerdict


class DashboardNews(msgspec.Struct, frozen=True):
    """One message of the event stream."""

    state: DashboardState
    decisions: list[DashboardDecision]
    histogram: Histogram
