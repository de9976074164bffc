"""Trace context of HTTP calls: from the caller to the request's record, and to the answer."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from stream_app.gateway import dependencies
from stream_app.gateway.app import create_app
from stream_app.runtime.tracing import Tracing
from stream_app.trace_context import read_context
from tests.builders.gateway import LocalStream, run, settings_in, shipped_pipeline

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def call(folder: Path, path: str, *headers: tuple[str, str]) -> tuple[httpx.Response, list[tuple[str, bytes]]]:
    """The answer, and the headers of the record that the call sent; none if it sent none."""

    async def called() -> tuple[httpx.Response, list[tuple[str, bytes]]]:
        app = create_app(settings_in(folder), lambda _, deliver, __: LocalStream(shipped_pipeline(), deliver))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            answer = await http.get(path, headers=list(headers))
        sent = app.state.dependencies.broker.sent
        return answer, sent[0].headers if sent else []

    return run(called())


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Where the spans of a gateway go that sends some."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(dependencies, "open_tracing", lambda *_: Tracing(provider))
    return exporter


def test_the_callers_context_goes_to_the_record_and_to_the_answer(tmp_path: Path) -> None:
    answer, sent = call(tmp_path, "/predict/7", ("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2"))
    assert answer.status_code == 200
    assert [header for header in sent if header[0].startswith("trace")] == [
        ("traceparent", PARENT.encode()),
        ("tracestate", b"a=1,b=2"),
    ]
    assert answer.headers["traceparent"] == PARENT


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("traceparent", "00-ab"), ("tracestate", "a=1")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("tracestate", "a=1")],
        [("baggage", "user=7")],
    ],
)
def test_nothing_else_is_carried(tmp_path: Path, headers: list[tuple[str, str]]) -> None:
    answer, sent = call(tmp_path, "/predict/7", *headers)
    assert answer.status_code == 200
    assert not {"traceparent", "tracestate", "baggage"} & dict(sent).keys()
    assert "traceparent" not in answer.headers


def test_a_call_is_a_span_below_its_callers_and_above_its_records(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    answer, sent = call(tmp_path, "/predict/7", ("traceparent", PARENT), ("tracestate", "a=1"))
    [span] = spans.get_finished_spans()
    assert (span.name, span.kind) == ("GET /predict/{client_id:path}", SpanKind.SERVER)
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    carried = read_context(sent)
    assert carried is not None
    assert (carried.trace_id, carried.span_id) == (TRACE, f"{span.context.span_id:016x}")
    assert carried.state == b"a=1"
    assert answer.headers["traceparent"] == carried.parent.decode()
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/predict/{client_id:path}",
        "http.response.status_code": 200,
    }


def test_a_call_without_a_context_begins_a_trace(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    answer, sent = call(tmp_path, "/predict/7")
    [span] = spans.get_finished_spans()
    assert span.parent is None
    assert read_context(sent) is not None
    assert answer.headers["traceparent"].split("-")[1] == f"{span.context.trace_id:032x}"


@pytest.mark.parametrize("path", ["/health", "/", "/docs"])
def test_what_holds_no_data_is_in_no_trace(tmp_path: Path, spans: InMemorySpanExporter, path: str) -> None:
    answer, _ = call(tmp_path, path, ("traceparent", PARENT))
    assert "traceparent" not in answer.headers
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize("path", ["/predict/s3cr3t", "/decisions/s3cr3t"])
def test_no_span_names_a_client(tmp_path: Path, spans: InMemorySpanExporter, path: str) -> None:
    call(tmp_path, path)
    [span] = spans.get_finished_spans()
    assert "s3cr3t" not in span.to_json()
