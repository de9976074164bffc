"""Drift events for tests: a month of decisions, stable and in line unless told otherwise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

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

FEATURES = ("state", "low_doc", "revolving_line")


def shift(psi: float = 0.01) -> Shift:
    return Shift(psi=psi, psi_limit=0.25, drifted=psi > 0.25, distance=0.1, distance_method="any")


def month(id: str) -> WindowRef:  # noqa: A002 - the field's name
    start = dt.datetime.strptime(id, "%Y-%m").replace(tzinfo=dt.UTC)
    end = (start + dt.timedelta(days=31)).replace(day=1)
    return WindowRef(id=id, kind="time", start=start, end=end)


def realised(default_rate: float, calibration: CalibrationVerdict) -> Realised:
    return Realised(
        default_rate=default_rate,
        default_rate_interval=Interval(0.0, 1.0),
        auc=None,
        auc_interval=None,
        brier=0.1,
        log_loss=0.3,
        observed_over_predicted=1.0,
        bounds=Interval(0.9, 1.1),
        calibration=calibration,
    )


def drift_event(
    id: str,  # noqa: A002
    *,
    rows: int = 1_000,
    revision: int = 1,
    drifted: Sequence[str] = (),
    verdict: DriftVerdict | None = None,
    labelled: int = 0,
    observed: float = 0.05,
    calibration: CalibrationVerdict = "in_line",
    late_rows: int = 0,
) -> DriftEvent:
    """The window of one month; ``labelled`` of its rows are known, all of them where ``calibration`` is off.

    Each of the ``drifted`` drifted more than those after it.
    """
    psi = {name: 0.9 - 0.1 * place for place, name in enumerate(drifted)}
    known = rows if calibration in ("predicted_too_low", "predicted_too_high") else labelled
    return DriftEvent(
        window=month(id),
        revision=revision,
        computed_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        reference_version="1",
        rows=rows,
        late_rows=late_rows,
        unreadable_rows=0,
        verdict=verdict or ("drifted" if drifted else "stable"),
        drifted_share=len(drifted) / len(FEATURES),
        features=tuple(
            FeatureDrift(
                feature=name,
                kind="category",
                shift=shift(psi.get(name, 0.01)),
                missing_share=0.0,
                reference_missing_share=0.0,
                unseen_share=0.0,
            )
            for name in FEATURES
        ),
        prediction=PredictionDrift(shift=shift(), mean_probability=0.05, reference_mean_probability=0.04),
        outcomes=OutcomeMix(
            shift=shift(),
            approved=0.8,
            review=0.1,
            refused=0.1,
            reference_approved=0.8,
            reference_review=0.1,
            reference_refused=0.1,
        ),
        performance=(
            Performance(
                model_version="1",
                rows=rows,
                expected_default_rate=0.05,
                expected_auc=0.7,
                labelled=known,
                labelled_share=known / rows if rows else 0.0,
                realised=realised(observed, calibration) if known else None,
            ),
        ),
    )
