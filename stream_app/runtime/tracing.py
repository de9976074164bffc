"""OpenTelemetry spans, where ``STREAM_APP_TRACING`` asks for them; where it does not, nothing of it is imported.

The SDK reads the standard ``OTEL_*`` variables: where the collector is, how much is sampled, the resource's attributes.
No span names a client, a request id or a value, and no exception's text.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from stream_app.errors import SettingsError
from stream_app.trace_context import TraceContext

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext

CLOSE_SECONDS = 2.0
MAX_LINKS = 128
"""Of a span: the SDK's own default."""

Kind = Literal["consumer", "producer", "server"]
Attributes = Mapping[str, str | int]


class Span:
    """One span that was started. ``context``: what carries it to others."""

    def __init__(self, span: Any, state: bytes) -> None:
        self._span = span
        started = span.get_span_context()
        ids = f"{started.trace_id:032x}", f"{started.span_id:016x}"
        self.context = TraceContext(*ids, int(started.trace_flags), state)

    def end(self, name: str = "", attributes: Attributes | None = None, fault: str = "") -> None:
        """``name``: a better one than it began with. ``fault``: why it failed, as a class or a status."""
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

        if name:
            self._span.update_name(name)
        self._span.set_attributes(attributes or {})
        if fault:
            self._span.set_attribute("error.type", fault)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class Tracing:
    """Starts spans on one provider."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("loan-stream-scorer")

    def start(
        self,
        name: str,
        kind: Kind,
        attributes: Attributes,
        parent: TraceContext | None = None,
        links: Iterable[TraceContext] = (),
    ) -> Span:
        """Start a child of ``parent``, or the root of a trace. Of the links the first :data:`MAX_LINKS` count."""
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.context import Context  # noqa: PLC0415

        span = self._tracer.start_span(
            name,
            # Without a parent an empty context: a root, whatever span is current.
            trace.set_span_in_context(trace.NonRecordingSpan(_remote(parent))) if parent else Context(),
            trace.SpanKind[kind.upper()],
            dict(attributes),
            [trace.Link(_remote(link)) for link in islice(links, MAX_LINKS)],
        )
        return Span(span, parent.state if parent else b"")

    def close(self) -> None:
        """Send what is left; a collector that does not answer keeps no process from its end."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def _remote(context: TraceContext) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags, TraceState  # noqa: PLC0415 - an extra

    state = TraceState.from_header([context.state.decode("ascii")] if context.state else [])
    ids = int(context.trace_id, 16), int(context.span_id, 16)
    return SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(context.flags), trace_state=state)


def open_tracing(enabled: bool, role: str) -> Tracing | None:
    """Spans over OTLP/HTTP, None when they are off. ``role``: the service's name unless ``OTEL_*`` states another.

    Raises SettingsError when the extra is not installed.
    """
    if not enabled:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as fault:
        raise SettingsError(
            "STREAM_APP_TRACING is on and OpenTelemetry is not installed.",
            kept="Nothing was started.",
            do_next="Install it with `pip install 'loan-stream-scorer[otel]'`, or turn STREAM_APP_TRACING off.",
        ) from fault
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    stated = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    resource = Resource.create({} if stated else {"service.name": role})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)  # close() does it, in bounded time
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
