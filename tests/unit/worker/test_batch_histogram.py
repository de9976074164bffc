"""The batch histogram renders exactly what the client library's own would."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from stream_app.worker.batch_histogram import BatchHistogram

BOUNDS = (0.1, 0.5, 1.0)


@pytest.mark.parametrize("values", [[], [0.1], [0.0, 0.1, 0.11, 0.5, 0.9, 1.0, 7.0], [-1.0, 1e9]])
def test_it_renders_what_the_librarys_histogram_renders(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    BatchHistogram("loan_age", "Age", BOUNDS, ours).observe_many(values)
    reference = Histogram("loan_age", "Age", buckets=BOUNDS, registry=theirs)
    for value in values:
        reference.observe(value)
    assert _without_created(generate_latest(ours)) == _without_created(generate_latest(theirs))


def test_batches_add_up() -> None:
    registry = CollectorRegistry()
    histogram = BatchHistogram("loan_age", "Age", BOUNDS, registry)
    histogram.observe_many([0.05])
    histogram.observe_many([0.7, 0.7])
    assert registry.get_sample_value("loan_age_bucket", {"le": "0.1"}) == 1
    assert registry.get_sample_value("loan_age_count") == 3
    assert registry.get_sample_value("loan_age_sum") == pytest.approx(1.45)


def _without_created(page: bytes) -> list[str]:
    return [line for line in page.decode().splitlines() if "_created" not in line]
