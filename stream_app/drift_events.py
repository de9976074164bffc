"""The drift event: the monitor's analysis of one closed window of decisions, on ``loan.drift`` and in its store.

The record's key is the window's id. A window is published again under the next ``revision`` when labels that arrived
since change its performance; the highest revision counts. Shares and rates are 0..1, times are RFC 3339 in UTC. Null:
too few rows to compute it.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0)]
DriftVerdict = Literal["too_few", "stable", "drifted"]
CalibrationVerdict = Literal["unknown", "in_line", "predicted_too_low", "predicted_too_high"]


class WindowRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions. ``time``: requested from ``start`` to before ``end``; ``count``: so many in order of arrival,
    ``start`` and ``end`` being its earliest and latest request."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    kind: Literal["time", "count"]
    start: Annotated[dt.datetime, Meta(tz=True)]
    end: Annotated[dt.datetime, Meta(tz=True)]


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """How far one distribution moved from the reference.

    ``psi``: population stability index on the reference's bins. ``psi_limit``: what it must exceed to be ``drifted``;
    follows the number of rows. ``distance``: a second opinion by ``distance_method``, reported and not judged.
    """

    psi: float | None
    psi_limit: float | None
    drifted: bool
    distance: float | None
    distance_method: str

    @property
    def ratio(self) -> float | None:
        """PSI over its limit: above 1 is drift, however many rows there are. Null while either is unknown or the limit
        is 0.

        >>> Shift(psi=0.5, psi_limit=0.25, drifted=True, distance=None, distance_method="wasserstein").ratio
        2.0
        """
        return None if self.psi is None or not self.psi_limit else self.psi / self.psi_limit


class FeatureDrift(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the model in this window against the reference sample it was trained on."""

    feature: str
    kind: Literal["number", "integer", "category"]
    shift: Shift
    missing_share: Share
    reference_missing_share: Share
    unseen_share: Share


class PredictionDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The probability of default, higher is riskier."""

    shift: Shift
    mean_probability: Share | None
    reference_mean_probability: Share


class OutcomeMix(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the outcomes; the reference's are those the policy would have given to the reference sample."""

    shift: Shift
    approved: Share
    review: Share
    refused: Share
    reference_approved: Share
    reference_review: Share
    reference_refused: Share


class Interval(msgspec.Struct, frozen=True):
    """Both ends of a 95 % confidence interval."""

    low: float
    high: float


class Realised(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions with a label. Defaults are known before paid loans are: read it with ``labelled_share``.

    ``observed_over_predicted``: defaults over the sum of the probabilities, among the labelled. Its ``bounds`` hold for
    the whole window, labelled or not: the low end as if every open loan were paid, the high end as if none were, both
    with sampling error. ``calibration`` judges the bounds, never the point.
    """

    default_rate: Share
    default_rate_interval: Interval
    auc: Share | None
    auc_interval: Interval | None
    brier: float
    log_loss: float
    observed_over_predicted: float | None
    bounds: Interval
    calibration: CalibrationVerdict


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """One model version in this window: the default rate and AUC it expects, and what the labels so far show."""

    model_version: str
    rows: Count
    expected_default_rate: Share
    expected_auc: Share | None
    labelled: Count
    labelled_share: Share
    realised: Realised | None


class DriftEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The analysis of one closed window.

    ``reference_version``: the bundle whose reference sample was compared. ``late_rows`` came after the window closed,
    ``unreadable_rows`` do not fit the contract; both are kept in the store and not analysed.
    """

    window: WindowRef
    revision: Annotated[int, Meta(ge=1)]
    computed_at: Annotated[dt.datetime, Meta(tz=True)]
    reference_version: str
    rows: Count
    late_rows: Count
    unreadable_rows: Count
    verdict: DriftVerdict
    drifted_share: Share
    features: tuple[FeatureDrift, ...]
    prediction: PredictionDrift
    outcomes: OutcomeMix
    performance: tuple[Performance, ...]
