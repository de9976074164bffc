"""A window of decisions against the reference: every feature, the probability of default, the mix of outcomes.

The verdict rests on PSI (:mod:`monitoring.statistics.psi`); the distance is a second opinion
(:mod:`monitoring.statistics.distance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.contract import Feature
from models.policy import OUTCOMES
from monitoring.statistics.bins import Counts, Vector
from monitoring.statistics.distance import JENSEN_SHANNON, WASSERSTEIN, jensen_shannon, normed_wasserstein
from monitoring.statistics.psi import psi_and_limit
from monitoring.statistics.reference import Distribution, Matrix, Reference
from stream_app.drift_events import DriftVerdict, FeatureDrift, OutcomeMix, PredictionDrift, Shift


@dataclass(frozen=True)
class Options:
    """When a shift counts as drift.

    ``min_rows``: with fewer, in the window or the reference, the verdict is ``too_few``. ``floor``: a smaller PSI is no
    drift. ``false_alarm_rate``: how often chance may raise one feature of one window.
    """

    min_rows: int = 500
    floor: float = 0.25
    false_alarm_rate: float = 0.001


@dataclass(frozen=True)
class Drift:
    """The result for one window; see :class:`stream_app.drift_events.DriftEvent` for its parts."""

    verdict: DriftVerdict
    features: tuple[FeatureDrift, ...]
    prediction: PredictionDrift
    outcomes: OutcomeMix

    @property
    def drifted_share(self) -> float:
        """Share of the features that drifted."""
        return sum(feature.shift.drifted for feature in self.features) / max(1, len(self.features))


def drift_of(
    reference: Reference,
    matrix: Matrix,
    unseen: Mapping[str, int],
    probability: Vector,
    outcomes: Sequence[str],
    options: Options,
) -> Drift:
    """Compare a window's ``(rows, features)`` encoded matrix, ``(rows,)`` probabilities of default and outcome names.

    ``unseen``: by feature name, how many of its gaps are categories nobody has seen (from ``Contract.encode``).
    With fewer rows than ``options.min_rows`` on either side the verdict is ``too_few``, and shifts have no figures;
    the shares are given all the same, and are 0 without any row.
    """
    enough = min(len(reference), len(matrix)) >= options.min_rows
    judged = options if enough else None
    columns = zip(reference.contract.features, reference.features, np.ascontiguousarray(matrix.T), strict=True)
    features = tuple(
        _feature(feature, distribution, values, unseen.get(feature.name, 0), judged)
        for feature, distribution, values in columns
    )
    prediction = _prediction(reference, probability, judged)
    mix = _outcome_mix(reference, outcomes, judged)
    shifts = [*(feature.shift for feature in features), prediction.shift, mix.shift]
    return Drift(_verdict(shifts, enough=enough), features, prediction, mix)


def _verdict(shifts: Sequence[Shift], *, enough: bool) -> DriftVerdict:
    if not enough:
        return "too_few"
    return "drifted" if any(shift.drifted for shift in shifts) else "stable"


def _feature(
    feature: Feature, reference: Distribution, values: Vector, unseen: int, options: Options | None
) -> FeatureDrift:
    counts = reference.bins.counts(values, unseen)
    return FeatureDrift(
        feature=feature.name,
        kind=feature.kind,
        shift=_shift(reference, counts, values, options),
        missing_share=_share(counts[-1], len(values)),
        reference_missing_share=reference.missing_share,
        unseen_share=_share(unseen, len(values)),
    )


def _prediction(reference: Reference, probability: Vector, options: Options | None) -> PredictionDrift:
    distribution = reference.prediction
    return PredictionDrift(
        shift=_shift(distribution, distribution.bins.counts(probability, 0), probability, options),
        mean_probability=float(probability.mean()) if len(probability) else None,
        reference_mean_probability=float(reference.probability.mean()) if len(reference) else 0.0,
    )


def _outcome_mix(reference: Reference, outcomes: Sequence[str], options: Options | None) -> OutcomeMix:
    before = reference.outcome_counts
    counts = np.array([outcomes.count(name) for name in OUTCOMES])
    shares = {name: _share(count, len(outcomes)) for name, count in zip(OUTCOMES, counts, strict=True)}
    earlier = {f"reference_{name}": _share(count, len(reference)) for name, count in zip(OUTCOMES, before, strict=True)}
    shift = _judged(before, counts, jensen_shannon(before, counts), JENSEN_SHANNON, options)
    return OutcomeMix(shift=shift, **shares, **earlier)


def _shift(reference: Distribution, counts: Counts, values: Vector, options: Options | None) -> Shift:
    if reference.ordered is None:
        method, distance = JENSEN_SHANNON, jensen_shannon(reference.counts[:-1], counts[:-1])
    else:
        present = np.sort(values)[: len(values) - counts[-1]]  # sorting puts the missing last
        method, distance = WASSERSTEIN, normed_wasserstein(reference.ordered, reference.spread, present)
    return _judged(reference.counts, counts, distance, method, options)


def _judged(
    reference_counts: Counts, counts: Counts, distance: float | None, method: str, options: Options | None
) -> Shift:
    if options is None:
        return Shift(psi=None, psi_limit=None, drifted=False, distance=None, distance_method=method)
    index, limit = psi_and_limit(reference_counts, counts, options.false_alarm_rate, options.floor)
    return Shift(psi=index, psi_limit=limit, drifted=index > limit, distance=distance, distance_method=method)


def _share(count: int | np.int64, rows: int) -> float:
    return float(count / rows) if rows else 0.0
