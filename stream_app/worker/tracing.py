"""A span for each batch of the scorer, linked to its requests, and exemplars for the latency histogram."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from stream_app.events import RawRecord
from stream_app.pipeline import Judged
from stream_app.runtime.tracing import MAX_LINKS, Span, Tracing
from stream_app.trace_context import TraceContext, read_context

Traced = tuple[RawRecord, str]
"""A record and a trace id, its own or its batch's."""


class BatchTrace(Protocol):
    """The span of one batch, which ends in one of two ways."""

    def delivered(self, records: Sequence[RawRecord], judged: Judged, /) -> Sequence[Traced]:
        """Its outputs are published; returns answered records that are examples for the histogram."""

    def given_up(self) -> None:
        """Its records come again."""


class Untraced:
    """Spans are off."""

    def __call__(self, _records: Sequence[RawRecord]) -> BatchTrace:
        return self

    def delivered(self, _records: Sequence[RawRecord], _judged: Judged) -> Sequence[Traced]:
        return ()

    def given_up(self) -> None: ...


class TracedBatches:
    """Starts the span of each batch."""

    def __init__(self, tracing: Tracing, topic: str, group: str) -> None:
        self._tracing, self._name = tracing, f"process {topic}"
        self._attributes = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": topic,
            "messaging.consumer.group.name": group,
        }

    def __call__(self, records: Sequence[RawRecord]) -> BatchTrace:
        linked = _sampled(records)
        attributes: dict[str, str | int] = {**self._attributes, "messaging.batch.message_count": len(records)}
        span = self._tracing.start(self._name, "consumer", attributes, links=linked.values())
        own = {index: context.trace_id for index, context in linked.items()}
        return _TracedBatch(span, own or {0: span.context.trace_id})


def _sampled(records: Sequence[RawRecord]) -> dict[int, TraceContext]:
    """By index, the first records of traces that are recorded; a link to any other leads nowhere."""
    contexts = ((i, read_context(record.headers)) for i, record in enumerate(records) if record.headers)
    return dict(islice(((i, context) for i, context in contexts if context and context.sampled), MAX_LINKS))


class _TracedBatch:
    def __init__(self, span: Span, trace_ids: dict[int, str]) -> None:
        self._span, self._trace_ids = span, trace_ids

    def delivered(self, records: Sequence[RawRecord], judged: Judged) -> Sequence[Traced]:
        outputs = judged.outputs
        rejected = sum(output is not None and output.rejected for output in outputs)
        repeated = outputs.count(None)
        counts = {"decided": len(outputs) - rejected - repeated, "rejected": rejected, "repeated": repeated}
        self._span.end(attributes={f"loan.{name}": count for name, count in counts.items()})
        return [(records[i], trace_id) for i, trace_id in self._trace_ids.items() if outputs[i] is not None]

    def given_up(self) -> None:
        self._span.end(fault="given_up")
