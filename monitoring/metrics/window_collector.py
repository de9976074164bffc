"""The newest closed windows as Prometheus gauges, made from their drift events at every scrape.

A scrape reads the events as they are, so nothing has to be unset when a window is revised or leaves, and no scrape
sees half of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from models.contract import Contract
from monitoring.metrics.window_series import REFERENCE_FAMILIES, WINDOW_FAMILIES, Family
from stream_app.drift_events import DriftEvent


class WindowGauges(Collector):
    """Shows the ``keep`` newest windows of each kind, without features outside the contract (of an older bundle)."""

    def __init__(self, prefix: str, contract: Contract, keep: int, registry: CollectorRegistry) -> None:
        self._prefix, self._features, self._keep = prefix, frozenset(contract.names()), keep
        self._events: dict[str, DriftEvent] = {}  # replaced whole: a scrape may come from another thread
        registry.register(self)

    def show(self, events: Iterable[DriftEvent]) -> None:
        """These windows, in place of what was shown of the same ones; the oldest beyond ``keep`` leave."""
        known = self._events | {event.window.id: event for event in events}
        by_end = sorted(known.values(), key=lambda event: event.window.end)
        kinds = {event.window.kind for event in by_end}
        newest = [[event for event in by_end if event.window.kind == kind][-self._keep :] for kind in kinds]
        kept = {event.window.id for of_kind in newest for event in of_kind}
        self._events = {event.window.id: event for event in by_end if event.window.id in kept}

    def clear(self) -> None:
        """Show no window."""
        self._events = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every family, even one without samples: what is exported does not depend on what happened."""
        events = list(self._events.values())
        for family in WINDOW_FAMILIES:
            yield self._filled(family, [((event.window.id,), event) for event in events], ("window",))
        for family in REFERENCE_FAMILIES:
            yield self._filled(family, [((), event) for event in events[-1:]], ())

    def _filled(
        self, family: Family, events: list[tuple[tuple[str, ...], DriftEvent]], first: tuple[str, ...]
    ) -> GaugeMetricFamily:
        filled = GaugeMetricFamily(self._prefix + family.name, family.help, labels=(*first, *family.labels))
        about_features = family.labels == ("feature",)
        for leading, event in events:
            for labels, value in family.samples(event):
                if value is not None and not (about_features and labels[0] not in self._features):
                    filled.add_metric((*leading, *labels), value)
        return filled
