"""Drift events as tests need them: whatever is not said is a stable window of 2006-03 with 1,500 decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from stream_app.drift_events import (
    DriftEvent,
    FeatureDrift,
    Interval,
    OutcomeMix,
    Performance,
    PredictionDrift,
    Realised,
    Shift,
    WindowRef,
)


def shift(psi: float | None = 0.05, psi_limit: float | None = 0.25) -> Shift:
    drifted = psi is not None and psi_limit is not None and psi > psi_limit
    return Shift(psi=psi, psi_limit=psi_limit, drifted=drifted, distance=None, distance_method="jensenshannon")


def feature(name: str, psi: float | None = 0.05, missing: float = 0.0, unseen: float = 0.0) -> FeatureDrift:
    return FeatureDrift(
        feature=name,
        kind="category",
        shift=shift(psi),
        missing_share=missing,
        reference_missing_share=0.02,
        unseen_share=unseen,
    )


def prediction(psi: float | None = 0.01, mean: float | None = 0.05) -> PredictionDrift:
    return PredictionDrift(shift=shift(psi), mean_probability=mean, reference_mean_probability=0.045)


def outcomes(approved: float = 0.7, psi: float | None = 0.01) -> OutcomeMix:
    return OutcomeMix(
        shift=shift(psi),
        approved=approved,
        review=0.9 - approved,
        refused=0.1,
        reference_approved=0.72,
        reference_review=0.2,
        reference_refused=0.08,
    )


def realised(ratio: float = 1.0, low: float = 0.9, high: float = 1.1) -> Realised:
    return Realised(
        default_rate=min(1.0, 0.05 * ratio),
        default_rate_interval=Interval(0.04, 0.06),
        auc=0.68,
        auc_interval=Interval(0.65, 0.71),
        brier=0.05,
        log_loss=0.2,
        observed_over_predicted=ratio,
        bounds=Interval(low, high),
        calibration="in_line",
    )


def performance(version: str = "v1", rows: int = 1_500, truth: Realised | None = None) -> Performance:
    return Performance(
        model_version=version,
        rows=rows,
        expected_default_rate=0.05,
        expected_auc=0.7,
        labelled=rows if truth else 0,
        labelled_share=1.0 if truth else 0.0,
        realised=truth,
    )


def month(number: int) -> WindowRef:
    """The number-th month from 2005-01 on, 0 the first."""
    start = dt.datetime(2005 + number // 12, number % 12 + 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(2005 + (number + 1) // 12, (number + 1) % 12 + 1, 1, tzinfo=dt.UTC)
    return WindowRef(id=f"{start:%Y-%m}", kind="time", start=start, end=end)


def drift_event(window: WindowRef | None = None, **changes: Any) -> DriftEvent:
    """A stable window, or one with these attributes."""
    stable: Mapping[str, Any] = {
        "window": window or month(14),
        "revision": 1,
        "computed_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "reference_version": "v1",
        "rows": 1_500,
        "late_rows": 0,
        "unreadable_rows": 0,
        "verdict": "stable",
        "drifted_share": 0.0,
        "features": (feature("amount"), feature("employees"), feature("home")),
        "prediction": prediction(),
        "outcomes": outcomes(),
        "performance": (performance(),),
    }
    return DriftEvent(**{**stable, **changes})
