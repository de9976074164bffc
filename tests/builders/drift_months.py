"""A year of drift events: the months of 2006, three features, each as far from its limit as a test says."""

from __future__ import annotations

import datetime as dt
from typing import Any

from stream_app.drift_events import (
    CalibrationVerdict,
    DriftEvent,
    DriftVerdict,
    FeatureDrift,
    Interval,
    OutcomeMix,
    Performance,
    PredictionDrift,
    Realised,
    Shift,
    WindowRef,
)

FEATURES = ("amount", "employees", "home")
LIMIT = 0.25


def shift(ratio: float | None) -> Shift:
    """A shift whose PSI is ``ratio`` times its limit; None: too few rows to say."""
    if ratio is None:
        return Shift(psi=None, psi_limit=None, drifted=False, distance=None, distance_method="wasserstein")
    return Shift(
        psi=ratio * LIMIT, psi_limit=LIMIT, drifted=ratio > 1, distance=ratio / 10, distance_method="wasserstein"
    )


def performance(
    calibration: CalibrationVerdict = "unknown", known: float = 0.0, version: str = "v1", rows: int = 1_000
) -> Performance:
    """A model that expects 5 % of defaults; ``known``: share of the outcomes that are, half of them defaults."""
    realised = Realised(
        default_rate=0.5,
        default_rate_interval=Interval(0.4, 0.6),
        auc=0.7,
        auc_interval=Interval(0.6, 0.8),
        brier=0.2,
        log_loss=0.6,
        observed_over_predicted=10.0,
        bounds=Interval(1.5, 9.25),
        calibration=calibration,
    )
    return Performance(
        model_version=version,
        rows=rows,
        expected_default_rate=0.05,
        expected_auc=0.7,
        labelled=round(known * rows),
        labelled_share=known,
        realised=realised if known else None,
    )


def event(month: int = 1, ratios: dict[str, float | None] | None = None, **changes: Any) -> DriftEvent:
    """The window of one month of 2006; ``ratios``: PSI over its limit by feature, a tenth where it is not given.

    ``prediction`` and ``outcomes`` in ``ratios`` are those of the probability and of the outcome mix.
    """
    given = dict.fromkeys((*FEATURES, "prediction", "outcomes"), 0.1) | (ratios or {})
    verdict: DriftVerdict = "drifted" if any((ratio or 0) > 1 for ratio in given.values()) else "stable"
    start, end = dt.datetime(2006, month, 1, tzinfo=dt.UTC), dt.datetime(2006, month + 1, 1, tzinfo=dt.UTC)
    fields: dict[str, Any] = {
        "window": WindowRef(id=f"2006-{month:02}", kind="time", start=start, end=end),
        "revision": 1,
        "computed_at": dt.datetime(2007, 1, 1, tzinfo=dt.UTC),
        "reference_version": "ref1",
        "rows": 1_000,
        "late_rows": 0,
        "unreadable_rows": 0,
        "verdict": verdict,
        "drifted_share": 0.0,
        "features": tuple(_feature(name, given[name]) for name in FEATURES),
        "prediction": PredictionDrift(
            shift=shift(given["prediction"]), mean_probability=0.05, reference_mean_probability=0.04
        ),
        "outcomes": _mix(shift(given["outcomes"])),
        "performance": (performance(),),
    }
    return DriftEvent(**(fields | changes))


def _feature(name: str, ratio: float | None) -> FeatureDrift:
    return FeatureDrift(
        feature=name,
        kind="number",
        shift=shift(ratio),
        missing_share=0.125,
        reference_missing_share=0.25,
        unseen_share=0.0,
    )


def _mix(moved: Shift) -> OutcomeMix:
    return OutcomeMix(
        shift=moved,
        approved=0.75,
        review=0.15,
        refused=0.1,
        reference_approved=0.8,
        reference_review=0.12,
        reference_refused=0.08,
    )
