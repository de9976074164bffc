"""Two pages of the reference: every setting with its default and its limits, every series with its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from pydantic.fields import FieldInfo

from docs.generate.markdown import Row, page, table
from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from monitoring.metrics.monitor import MonitorMetrics
from stream_app.events import ModelRef
from stream_app.profile_events.metrics import FollowerMetrics
from stream_app.settings import FollowerSettings, GatewaySettings, MonitorSettings, WorkerSettings
from stream_app.stream_settings import StreamSettings
from stream_app.worker.metrics import ScorerMetrics

PROCESSES = {
    "Every process": StreamSettings,
    "Scorer": WorkerSettings,
    "Monitor": MonitorSettings,
    "Gateway": GatewaySettings,
    "Follower of profiles": FollowerSettings,
}
SETTINGS = """
Every setting is an environment variable. The most used ones are options of `stream-app worker`, `monitor` and
`gateway` as well; an option wins over its variable. All problems are reported at once, and nothing is started.
Thresholds and features are no settings: they belong to the [bundle](glossary.md#bundle).
"""
METRICS = """
Prometheus series, by the page that shows them. What is not known is absent, never zero. A series with the label
`window` describes the newest 48 closed windows. Beside `/metrics` each process has `/live` (the event loop runs) and
`/ready` (503 with the reason while the process cannot do its work). Alerts on these series are in
[alerts.yml](../../monitoring/prometheus/alerts.yml), what to do then in the [runbooks](../runbooks.md).
"""
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥"}


def settings() -> str:
    header = "variable|default|allowed|meaning"
    return page(
        "Settings", SETTINGS, *(f"## {name}\n\n{table(header, _own(kind))}" for name, kind in PROCESSES.items())
    )


def _own(kind: type[StreamSettings]) -> Iterator[Row]:
    """A row of each setting of this class that not every process has."""
    for name, field in kind.model_fields.items():
        if kind is StreamSettings or name not in StreamSettings.model_fields:
            default = "" if field.default in (None, "") else f"`{_shown(field.default)}`"
            yield f"`STREAM_APP_{name.upper()}`", default, _allowed(field), field.description or ""


def _shown(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _allowed(field: FieldInfo) -> str:
    if choices := [choice for choice in getattr(field.annotation, "__args__", ()) if isinstance(choice, str)]:
        return ", ".join(f"`{choice}`" for choice in choices)
    limits = ((sign, getattr(item, name, None)) for item in field.metadata for name, sign in _SIGNS.items())
    return ", ".join(f"{sign} {limit:,}" for sign, limit in limits if limit is not None)


def metrics() -> str:
    kinds: dict[str, Callable[..., object]] = {
        "Scorer, `http://127.0.0.1:6066/metrics`": ScorerMetrics,
        "Monitor, `http://127.0.0.1:6067/metrics`": MonitorMetrics,
        "Follower of profiles, `http://127.0.0.1:6068/metrics`": lambda registry, *_: FollowerMetrics(registry),
    }
    header = "series|type|meaning"
    return page("Metrics", METRICS, *(f"## {name}\n\n{table(header, _series(kind))}" for name, kind in kinds.items()))


def _series(kind: Callable[..., object]) -> Iterator[Row]:
    registry = CollectorRegistry()
    kind(registry, ModelRef("model", "1", "0" * 64), Contract.read(CONTRACT_FILE))
    for collector in registry._collector_to_names:  # labels without samples are known to the collector only
        for family in collector.collect():
            names = getattr(family, "_labelnames", None) or getattr(collector, "_labelnames", ())
            labels = f"{{{','.join(names)}}}" if names else ""
            suffix = "_total" if family.type == "counter" else ""
            yield f"`{family.name}{suffix}{labels}`", family.type, family.documentation
