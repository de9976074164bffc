"""Spans of the scorer: one a batch, linked to its requests, and exemplars in the latency histogram."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from stream_app.errors import SettingsError
from stream_app.events import TopicPartition
from stream_app.runtime.tracing import MAX_LINKS, Tracing, open_tracing
from stream_app.worker.metrics import ScorerMetrics
from stream_app.worker.scoring import Scoring
from stream_app.worker.tracing import TracedBatches
from tests.builders.assignments import assigned, poll_of
from tests.builders.records import MODEL, TOY, Record, record, request, toy_pipeline
from tests.servers.otlp import collecting

PARTITION = TopicPartition("loan.requests", 0)
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Lanes:
    """Publishes nothing and commits it, or does not."""

    def __init__(self, is_final: bool = True) -> None:
        self.is_final = is_final

    async def deliver(self, *_: Any) -> bool:
        return self.is_final


def traced(request_id: str = "r1", trace_id: str = TRACE, flags: str = "01", **changes: Any) -> Record:
    parent = f"00-{trace_id}-{SPAN}-{flags}".encode()
    stamp = int(time.time() * 1000)
    return record(request(request_id=request_id, **changes), headers=[("traceparent", parent)], timestamp=stamp)


class Traced:
    """A scorer's agent whose spans stay in memory."""

    def __init__(self, lanes: Any = Lanes()) -> None:  # noqa: B008 - has no state
        self.exporter, self.registry = InMemorySpanExporter(), CollectorRegistry()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        trace_batch = TracedBatches(Tracing(provider), "loan.requests", "g")
        metrics = ScorerMetrics(self.registry, MODEL, TOY)
        self._scoring = Scoring(toy_pipeline(), lanes, metrics, trace_batch=trace_batch)

    def handle(self, *records: Record) -> Any:
        """The span of these records, which come in one poll."""

        async def handled() -> None:
            assignment = assigned(PARTITION)
            assignment.begin_epoch(1)
            await self._scoring.handle(poll_of(assignment, {PARTITION: list(records)}))
            await self._scoring.delivered()

        asyncio.run(handled())
        [span] = self.exporter.get_finished_spans()
        return span

    def exemplars(self) -> dict[str, dict[str, str]]:
        """By upper bound, of the histogram of ages."""
        page = openmetrics(self.registry).decode()  # type: ignore[no-untyped-call]
        families = text_string_to_metric_families(page)  # type: ignore[no-untyped-call]
        [ages] = [family for family in families if family.name == "loan_scorer_event_age_seconds"]
        return {sample.labels["le"]: sample.exemplar.labels for sample in ages.samples if sample.exemplar}


def test_a_batch_is_a_span_that_is_linked_to_its_requests() -> None:
    span = Traced().handle(traced("r1", "a" * 32), traced("r2", "b" * 32), record(request(request_id="")))
    assert (span.name, span.kind, span.parent) == ("process loan.requests", SpanKind.CONSUMER, None)
    assert [f"{link.context.trace_id:032x}" for link in span.links] == ["a" * 32, "b" * 32]
    assert f"{span.links[0].context.span_id:016x}" == SPAN
    assert span.attributes["messaging.batch.message_count"] == 3
    assert {name: span.attributes[f"loan.{name}"] for name in ("decided", "rejected", "repeated")} == {
        "decided": 2,
        "rejected": 1,
        "repeated": 0,
    }


def test_links_are_bounded_and_lead_to_traces_that_are_recorded() -> None:
    records = [traced(f"r{i}", f"{i + 1:032x}", "01" if i % 2 else "00") for i in range(2 * MAX_LINKS + 10)]
    span = Traced().handle(*records)
    assert len(span.links) == MAX_LINKS
    assert all(link.context.trace_flags.sampled for link in span.links)
    assert span.dropped_links == 0


def test_no_span_holds_a_value_or_a_name_of_a_customer() -> None:
    span = Traced().handle(traced("s3cr3t", client_id="who-is-it"))
    assert not [text for text in ("s3cr3t", "who-is-it") if text in span.to_json()]


def test_a_batch_that_comes_again_is_a_span_that_says_so() -> None:
    span = Traced(Lanes(is_final=False)).handle(traced())
    assert (span.status.is_ok, span.attributes["error.type"]) == (False, "given_up")


def test_the_latency_histogram_has_the_traces_of_requests_as_exemplars() -> None:
    agent = Traced()
    agent.handle(traced())
    assert list(agent.exemplars().values()) == [{"trace_id": TRACE}]


def test_a_request_without_a_trace_is_found_by_that_of_its_batch() -> None:
    agent = Traced()
    span = agent.handle(record(timestamp=int(time.time() * 1000)))
    assert list(agent.exemplars().values()) == [{"trace_id": f"{span.context.trace_id:032x}"}]


def test_spans_go_to_the_collector_that_the_standard_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        tracing = open_tracing(True, "loan-scorer")
        assert tracing is not None
        TracedBatches(tracing, "loan.requests", "g")([traced()]).given_up()
        tracing.close()
    assert [(span.name, span.links[0].trace_id.hex()) for span in collector.spans] == [("process loan.requests", TRACE)]
    assert collector.services == {"loan-scorer"}


def test_the_service_is_named_as_the_standard_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "credit-eu")
        tracing = open_tracing(True, "loan-scorer")
        assert tracing is not None
        tracing.start("x", "server", {}).end()
        tracing.close()
    assert collector.services == {"credit-eu"}


def test_a_collector_that_never_answers_keeps_no_process_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_app.runtime.tracing.CLOSE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        tracing = open_tracing(True, "loan-scorer")
        assert tracing is not None
        tracing.start("x", "server", {}).end()
        began = time.monotonic()
        tracing.close()
        assert time.monotonic() - began < 0.9


def test_without_the_extra_the_setting_is_refused_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match=r"pip install 'loan-stream-scorer\[otel\]'"):
        open_tracing(True, "loan-scorer")
