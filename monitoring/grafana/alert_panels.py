"""The alerts themselves on a dashboard: Prometheus keeps them as series."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import TableCellHeight
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.grafana.panels import asked_now, framed, plain

_COLUMNS = ("severity", "alertname", "job", "instance", "feature", "window", "child", "topic", "model_version")
_FIRING = f'max by ({", ".join(_COLUMNS)}) (ALERTS{{alertstate="firing"}})'


def firing_alerts() -> table.Panel:
    """What fires now, a row each; pages come first."""
    text = "What fires now and what it is about. The runbooks are in docs/runbooks.md."
    panel = framed(table.Panel(), "Alerts that fire", text, unit="none", width=24, height=7).no_value("None fires.")
    panel.with_target(asked_now(_FIRING).format(PromQueryFormat.TABLE)).thresholds(plain())
    hidden = {"Time": True, "Value": True}
    order = {column: place for place, column in enumerate(_COLUMNS)}
    options = {"excludeByName": hidden, "indexByName": order, "renameByName": {"alertname": "alert"}}
    panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=options))
    sort = {"fields": {}, "sort": [{"field": "severity", "desc": False}]}
    panel.with_transformation(models.DataTransformerConfig(id_val="sortBy", options=sort))
    return panel.cell_height(TableCellHeight.SM)
