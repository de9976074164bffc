"""A scorer with spans on, at real brokers: a request's trace leads to its decision, its batch and its latency."""

from __future__ import annotations

import re
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from tests.builders.scorer_requests import good
from tests.servers.deployment import Deployment, headers_of
from tests.servers.otlp import collecting
from tests.servers.waiting import wait_until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


@pytest.fixture
def deployment(broker: Any, unique_prefix: str, clients: Path, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment.on(broker, unique_prefix, clients, tmp_path)
    yield made
    made.stop()


def send(deployment: Deployment, *records: tuple[bytes, bytes, bytes]) -> None:
    """Each with its value, and its ``traceparent`` beside another header."""
    producer = KafkaProducer(bootstrap_servers=deployment.bootstrap)
    for key, value, parent in records:
        headers = [("traceparent", parent), ("tracestate", b"a=1"), ("mine", b"kept")]
        producer.send(deployment.names.requests, value, key=key, headers=headers, partition=1)
    producer.flush()
    producer.close()


def trace_of(record: Any) -> tuple[bytes | None, bytes | None]:
    headers = headers_of(record)
    assert headers["mine"] == b"kept"
    return headers.get("traceparent"), headers.get("tracestate")


def exemplars(port: int) -> set[str]:
    """The traces on the scorer's page, as who asks for OpenMetrics sees it."""
    accepting = {"Accept": "application/openmetrics-text; version=1.0.0"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=accepting)) as page:
        return set(re.findall(r'_bucket\{le="[^"]+"\} \S+ # \{trace_id="(\w+)"\}', page.read().decode()))


def test_a_trace_goes_from_request_to_decision_and_rejection_to_span_and_exemplar(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        worker = deployment.start(tracing="true")
        send(
            deployment,
            (b"7", good("7", "r1"), PARENT),
            (b"7", b"{not json", PARENT),
            (b"7", good("7", "r2"), b"malformed"),
        )
        deployment.answered([(1, 0), (1, 1), (1, 2)])
        wait_until(lambda: TRACE in exemplars(worker.port), "the trace is an exemplar")
        assert worker.end(signal.SIGTERM) == 0
    first, second = deployment.read(deployment.names.decisions)
    [rejection] = deployment.read(deployment.names.rejections)
    assert trace_of(first) == trace_of(rejection) == (PARENT, b"a=1")
    assert trace_of(second) == (None, None)
    assert {span.name for span in collector.spans} == {f"process {deployment.names.requests}"}
    linked = {(link.trace_id.hex(), link.span_id.hex()) for span in collector.spans for link in span.links}
    assert linked == {(TRACE, SPAN)}
    assert collector.services == {"loan-scorer"}


def test_a_collector_that_is_away_delays_no_decision_and_no_stop(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    worker = deployment.start(tracing="true")
    send(deployment, (b"7", good("7", "r1"), PARENT))
    deployment.answered([(1, 0)])
    assert worker.end(signal.SIGTERM) == 0
    assert "Traceback" not in worker.log.read_text()
