"""The scorer's series: what one batch moves."""

from __future__ import annotations

from collections import Counter

from prometheus_client import CollectorRegistry

from stream_app.events import RejectionReason
from stream_app.worker.metrics import ScorerMetrics
from tests.builders.records import MODEL, TOY


def test_a_batch_counts_its_records_outcomes_reasons_and_rejections() -> None:
    registry = CollectorRegistry()
    metrics = ScorerMetrics(registry, MODEL, TOY)
    metrics.batch_decided(
        records=8,
        repeats=2,
        outcomes=Counter(approved=3, refused=2),
        reasons=Counter(AMT=2, EMP=1),
        rejections=Counter({RejectionReason.NOT_JSON: 1}),
        probabilities=[0.01, 0.02, 0.03, 0.2, 0.3],
        ages_seconds=[0.01] * 6,
        unseen_categories=Counter(home=1),
        bugs=0,
    )

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value("loan_scorer_" + name, labels)

    assert value("requests_total") == 6
    assert value("repeated_requests_total") == 2
    assert value("decisions_total", outcome="refused", model_version=MODEL.version) == 2
    assert value("decisions_total", outcome="review", model_version=MODEL.version) == 0
    assert [value("reasons_total", code=code) for code in ("AMT", "EMP", "HOM")] == [2, 1, 0]
    assert value("rejections_total", reason="not_json") == 1
    assert value("probability_of_default_count") == 5
    assert value("unseen_categories_total", feature="home") == 1
