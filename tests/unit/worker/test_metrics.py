"""The scorer's series: what one batch moves."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from stream_app.steps.deduplicate import DecidedIds
from stream_app.worker.metrics import ScorerMetrics
from tests.builders.records import MODEL, NOW, TOY, Record, record, request, toy_pipeline


def asked(request_id: str, amount: float, home: str = "own") -> Record:
    return record(request(request_id=request_id, features={"amount": amount, "employees": 3, "home": home}))


def test_a_batch_counts_its_records_outcomes_reasons_and_rejections() -> None:
    registry = CollectorRegistry()
    metrics = ScorerMetrics(registry, MODEL, TOY)
    batch = [asked("a", 1), asked("b", 500_000, "boat"), asked("c", 600_000), asked("c", 600_000), record(b"no JSON")]
    metrics.batch_delivered(toy_pipeline(decided_ids=DecidedIds(10, 60.0)).judge(batch, NOW), [0.01] * 4)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value("loan_scorer_" + name, labels)

    assert value("requests_total") == 4
    assert value("repeated_requests_total") == 1
    assert value("batch_records_sum") == 5
    assert value("decisions_total", outcome="approved", model_version=MODEL.version) == 1
    assert value("decisions_total", outcome="refused", model_version=MODEL.version) == 2
    assert value("decisions_total", outcome="review", model_version=MODEL.version) == 0
    assert [value("reasons_total", code=code) for code in ("AMT", "EMP", "HOM")] == [2, 2, 0]
    assert value("rejections_total", reason="not_json") == 1
    assert value("probability_of_default_count") == 3
    assert value("event_age_seconds_count") == 4
    assert value("unseen_categories_total", feature="home") == 1
