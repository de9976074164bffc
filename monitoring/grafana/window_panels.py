"""Panels over windows instead of over time.

A window's series carry its id as a label, and a scrape of today shows windows of twenty years ago, so the panels that
follow the dashboard's time range (time series, heat map, status history) cannot show them. These ask once, as a table,
and turn it: a matrix with a coloured cell for each feature and window, bars by window, lines over the windows' start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import barchart, common, dashboard, table, trend
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.grafana.alert_thresholds import Limit
from monitoring.grafana.panels import (
    P,
    asked_now,
    by_threshold,
    coloured,
    framed,
    legend,
    limit_line,
    overridden,
    plain,
    steps,
    tooltip,
)
from monitoring.grafana.promql import by_window, side_by_side

_ALERT_COLUMNS = ("severity", "alertname", "job", "instance", "feature", "window", "child", "topic", "model_version")
_FIRING = f'max by ({", ".join(_ALERT_COLUMNS)}) (ALERTS{{alertstate="firing"}})'

START = "start"
_STARTS = by_window("loan_monitor_window_start_timestamp_seconds") + " * 1000"
_NO_VALUE = models.DashboardSpecialValueMapOptions(
    match=models.SpecialValueMatch.NULL_AND_NAN,
    result=models.ValueMappingResult(text="–", color="rgba(128, 128, 128, 0.15)"),
)


def _transformed(name: str, **options: object) -> models.DataTransformerConfig:
    return models.DataTransformerConfig(id_val=name, options=options)


def _sorted_by(field: str) -> models.DataTransformerConfig:
    return _transformed("sortBy", fields={}, sort=[{"field": field, "desc": False}])


def _turned(rows: str, columns: str, first: str, *, drop_rows: bool = False) -> list[models.DataTransformerConfig]:
    """One row for each value of a label, one column for each value of another, both in ascending order.

    Prometheus answers in no order; sorting is stable, so what is sorted last, not ``first``, leads.
    """
    turned = _transformed("groupingToMatrix", rowField=rows, columnField=columns, valueField="Value", emptyValue="null")
    corner, last = f"{rows}\\{columns}", columns if first == rows else rows
    kept, dropped = ({}, {corner: True}) if drop_rows else ({corner: rows}, {})
    named = _transformed("organize", renameByName=kept, excludeByName=dropped, indexByName={})
    return [_sorted_by(first), _sorted_by(last), turned, named]


def _by_figure(panel: P, figures: Mapping[str, str], *, drop_window: bool = False) -> P:
    """Asks for a row for each window and a column for each figure."""
    panel.with_target(asked_now(side_by_side(figures)).format(PromQueryFormat.TABLE))
    return panel.transformations(_turned("window", "figure", "figure", drop_rows=drop_window))


def firing_alerts() -> table.Panel:
    """What fires now, a row each; pages come first. Prometheus keeps alerts as series."""
    text = "What fires now and what it is about. The runbooks are in docs/runbooks.md."
    panel = framed(table.Panel(), "Alerts that fire", text, unit="none", width=24, height=7).no_value("None fires.")
    panel.with_target(asked_now(_FIRING).format(PromQueryFormat.TABLE)).thresholds(plain())
    hidden, order = {"Time": True, "Value": True}, {column: place for place, column in enumerate(_ALERT_COLUMNS)}
    named = _transformed("organize", excludeByName=hidden, indexByName=order, renameByName={"alertname": "alert"})
    return panel.transformations([named, _sorted_by("severity")]).cell_height(kinds.TableCellHeight.SM)


def matrix(
    title: str,
    text: str,
    expr: str,
    *,
    unit: str,
    height: int,
    decimals: int,
    limits: Sequence[Limit] = (),
) -> table.Panel:
    """Feature × window: a row for each feature, a column for each window. Red beyond the limits; without any, the
    darker the nearer to 1."""
    panel = framed(table.Panel(), title, text, unit=unit, width=24, height=height).decimals(decimals).min(0).max(1)
    panel.with_target(asked_now(expr).format(PromQueryFormat.TABLE)).transformations(
        _turned("feature", "window", "feature")
    )
    shades = dashboard.FieldColor().mode(models.FieldColorModeId.CONTINUOUS_BLUES)
    panel.thresholds(steps(limits)).color_scheme(by_threshold() if limits else shades)
    background = kinds.TableColoredBackgroundCellOptions(mode=kinds.TableCellBackgroundDisplayMode.BASIC)
    panel.cell_options(background).align(kinds.FieldTextAlignment.CENTER).min_width(64).filterable(False)
    panel.mappings([models.SpecialValueMap(options=_NO_VALUE)]).cell_height(kinds.TableCellHeight.SM)
    first = [overridden("custom.width", 170), overridden("custom.cellOptions", {"type": "auto"})]
    return panel.override_by_name("feature", [*first, overridden("custom.align", "left")])


def bars(
    title: str,
    text: str,
    figures: Mapping[str, str],
    *,
    unit: str,
    width: int = 12,
    colours: Mapping[str, str],
    stacked: bool = False,
) -> barchart.Panel:
    """Bars by window, one of each figure."""
    panel = framed(barchart.Panel(), title, text, unit=unit, width=width, height=9).min(0)
    _by_figure(panel, figures)
    panel.x_field("window").x_tick_label_rotation(-45).x_tick_label_spacing(40)
    panel.stacking(kinds.StackingMode.NORMAL if stacked else kinds.StackingMode.NONE)
    panel.show_value(kinds.VisibilityMode.NEVER).group_width(0.8).bar_width(0.9).full_highlight(True)
    panel.orientation(kinds.VizOrientation.VERTICAL).legend(legend()).tooltip(tooltip())
    for name, colour in colours.items():
        panel.override_by_name(name, [coloured(colour)])
    return panel


def over_windows(
    title: str,
    text: str,
    figures: Mapping[str, str],
    *,
    unit: str,
    width: int = 12,
    colours: Mapping[str, str],
    limits: Sequence[Limit] = (),
    highest: float | None = None,
    band: tuple[str, str] | None = None,
) -> trend.Panel:
    """Lines over the windows' start. ``band``: two figures between which the area is filled, the low one first."""
    panel = framed(trend.Panel(), title, text, unit=unit, width=width, height=9).axis_soft_min(0)
    _by_figure(panel, {START: _STARTS, **figures}, drop_window=True)
    panel.x_field(START).line_width(2).fill_opacity(0).span_nulls(False).show_points(kinds.VisibilityMode.ALWAYS)
    panel.point_size(5).legend(legend()).tooltip(tooltip())
    panel.override_by_name(START, [overridden("unit", "time:YYYY-MM-DD")])
    for name, colour in colours.items():
        # Not a default: it would be the end of the x axis too.
        end = [] if highest is None else [overridden("max", highest)]
        panel.override_by_name(name, [coloured(colour), *end])
    if band:
        low, high = band
        panel.override_by_name(high, [overridden("custom.fillBelowTo", low), overridden("custom.fillOpacity", 20)])
    return limit_line(panel, limits) if limits else panel


def figures_table(
    title: str,
    text: str,
    figures: Mapping[str, str],
    *,
    judged: Mapping[str, Sequence[Limit]],
    decimals: Mapping[str, int],
    height: int = 12,
) -> table.Panel:
    """A row for each window, a column for each figure; those that are judged are red beyond their limits."""
    panel = framed(table.Panel(), title, text, unit="percentunit", width=24, height=height).decimals(1)
    _by_figure(panel, figures)
    panel.thresholds(plain()).cell_height(kinds.TableCellHeight.SM).min_width(90)
    panel.mappings([models.SpecialValueMap(options=_NO_VALUE)])
    panel.sort_by([common.TableSortByFieldState().display_name("window").desc(True)])
    for name, places in decimals.items():
        panel.override_by_name(name, [overridden("unit", "none"), overridden("decimals", places)])
    for name, limits in judged.items():
        background = [overridden("custom.cellOptions", {"type": "color-background", "mode": "basic"})]
        panel.override_by_name(name, [*background, overridden("thresholds", steps(limits).build())])
    return panel
