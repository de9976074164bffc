"""Drift events for tests: a stable window of 2006-03 with 1,000 decisions, unless the test says otherwise.

:func:`drift_event` takes any field; :func:`event_with_ratios` how far each distribution is from its limit, and
:func:`event_with_drift` which features drifted and how many labels are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
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
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def shift(ratio: float | None = 0.1) -> Shift:
    """A shift whose PSI is ``ratio`` times its limit; None: too few rows to say."""
    known = ratio is not None
    return Shift(
        psi=ratio * LIMIT if ratio is not None else None,
        psi_limit=LIMIT if known else None,
        drifted=(ratio or 0.0) > 1,
        distance=0.1 if known else None,
        distance_method="wasserstein",
    )


def feature(name: str, ratio: float | None = 0.1, missing: float = 0.125, unseen: float = 0.0) -> FeatureDrift:
    return FeatureDrift(
        feature=name,
        kind="category",
        shift=shift(ratio),
        missing_share=missing,
        reference_missing_share=0.25,
        unseen_share=unseen,
    )


def prediction(ratio: float | None = 0.1, mean: float | None = 0.05) -> PredictionDrift:
    return PredictionDrift(shift=shift(ratio), mean_probability=mean, reference_mean_probability=0.045)


def outcomes(approved: float = 0.75, ratio: float | None = 0.1) -> OutcomeMix:
    return OutcomeMix(
        shift=shift(ratio),
        approved=approved,
        review=0.9 - approved,
        refused=0.1,
        reference_approved=0.72,
        reference_review=0.2,
        reference_refused=0.08,
    )


def realised(
    ratio: float = 1.0,
    low: float = 0.9,
    high: float = 1.1,
    *,
    calibration: CalibrationVerdict = "in_line",
    default_rate: float | None = None,
) -> Realised:
    """``ratio``: observed over predicted defaults, within these bounds."""
    return Realised(
        default_rate=min(1.0, 0.05 * ratio) if default_rate is None else default_rate,
        default_rate_interval=Interval(0.0, 1.0),
        auc=0.68,
        auc_interval=Interval(0.65, 0.71),
        brier=0.05,
        log_loss=0.2,
        observed_over_predicted=ratio,
        bounds=Interval(low, high),
        calibration=calibration,
    )


def performance(
    version: str = "v1", rows: int = 1_000, truth: Realised | None = None, known: float = 1.0
) -> Performance:
    """A model that expects 5 % of defaults. ``truth``: of the share ``known`` of its rows."""
    labelled = round(known * rows) if truth else 0
    return Performance(
        model_version=version,
        rows=rows,
        expected_default_rate=0.05,
        expected_auc=0.7,
        labelled=labelled,
        labelled_share=labelled / rows if rows else 0.0,
        realised=truth,
    )


def month(window_id: str) -> WindowRef:
    start = dt.datetime.strptime(window_id, "%Y-%m").replace(tzinfo=dt.UTC)
    return WindowRef(id=window_id, kind="time", start=start, end=(start + dt.timedelta(days=31)).replace(day=1))


def drift_event(window: WindowRef | str = "2006-03", **changes: Any) -> DriftEvent:
    """A stable window, the month of this name or any other, with these fields changed."""
    stable: Mapping[str, Any] = {
        "window": month(window) if isinstance(window, str) else window,
        "revision": 1,
        "computed_at": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
        "reference_version": "ref1",
        "rows": 1_000,
        "late_rows": 0,
        "unreadable_rows": 0,
        "verdict": "stable",
        "drifted_share": 0.0,
        "features": tuple(map(feature, FEATURES)),
        "prediction": prediction(),
        "outcomes": outcomes(),
        "performance": (performance(),),
    }
    return DriftEvent(**{**stable, **changes})


def event_with_ratios(
    month_of_2006: int = 1, ratios: Mapping[str, float | None] | None = None, **changes: Any
) -> DriftEvent:
    """``ratios``: PSI over its limit by feature, and of ``prediction`` and ``outcomes``; a tenth where not given."""
    given = dict.fromkeys((*FEATURES, "prediction", "outcomes"), 0.1) | dict(ratios or {})
    verdict: DriftVerdict = "drifted" if any((ratio or 0) > 1 for ratio in given.values()) else "stable"
    parts = {
        "verdict": verdict,
        "features": tuple(feature(name, given[name]) for name in FEATURES),
        "prediction": prediction(given["prediction"]),
        "outcomes": outcomes(ratio=given["outcomes"]),
    }
    return drift_event(f"2006-{month_of_2006:02}", **parts | changes)


def event_with_drift(
    window_id: str,
    *,
    features: Sequence[str] = ("state", "low_doc", "revolving_line"),
    drifted: Sequence[str] = (),
    rows: int = 1_000,
    labelled: int = 0,
    observed: float = 0.05,
    calibration: CalibrationVerdict = "in_line",
    **changes: Any,
) -> DriftEvent:
    """The window of one month; ``labelled`` of its rows are known, all of them where ``calibration`` is off.

    Each of the ``drifted`` drifted more than those after it.
    """
    ratios = {name: 3.6 - 0.4 * place for place, name in enumerate(drifted)}
    known = rows if calibration in ("predicted_too_low", "predicted_too_high") else labelled
    truth = realised(calibration=calibration, default_rate=observed) if known else None
    parts = {
        "rows": rows,
        "verdict": "drifted" if drifted else "stable",
        "features": tuple(feature(name, ratios.get(name, 0.04)) for name in features),
        "performance": (performance("1", rows, truth, known / rows if rows else 0.0),),
    }
    return drift_event(window_id, **parts | changes)


def short_event(window_id: str = "1970-01-01", revision: int = 1, **changes: Any) -> DriftEvent:
    """The first day of 1970, with too few rows to say anything."""
    parts = {
        "revision": revision,
        "rows": 3,
        "late_rows": 1,
        "verdict": "too_few",
        "features": (),
        "prediction": prediction(None, None),
        "outcomes": outcomes(ratio=None),
        "performance": (),
    }
    window = WindowRef(id=window_id, kind="time", start=EPOCH, end=EPOCH + dt.timedelta(days=1))
    return drift_event(window, **parts | changes)
