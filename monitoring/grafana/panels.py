"""Builders of panels: each has a title, an explanation, a unit, and the limit of an alert where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.grafana.alert_thresholds import Limit, limits_of

SOURCE = kinds.DataSourceRef(type_val="prometheus", uid="prometheus")
OUTCOME_COLOURS = {"approved": "green", "review": "yellow", "refused": "red"}
GOOD, BAD, PLAIN = "green", "red", "blue"


class Panel(Protocol):
    """What the builders of all panels have in common."""

    def build(self) -> models.Panel: ...
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: kinds.DataSourceRef) -> Self: ...
    def height(self, h: int) -> Self: ...
    def span(self, w: int) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def decimals(self, decimals: float) -> Self: ...
    def with_target(self, target: prometheus.Dataquery) -> Self: ...
    def thresholds(self, thresholds: dashboard.ThresholdsConfig) -> Self: ...
    def transformations(self, transformations: list[models.DataTransformerConfig]) -> Self: ...
    def override_by_name(self, name: str, properties: list[models.DynamicConfigValue]) -> Self: ...


P = TypeVar("P", bound=Panel)


def framed(panel: P, title: str, text: str, *, unit: str, width: int, height: int = 8) -> P:
    """What every panel must say of itself. ``width``: of 24; ``height``: of about 30 pixels."""
    return panel.title(title).description(text).datasource(SOURCE).unit(unit).span(width).height(height)


def steps(limits: Sequence[Limit], fine: str = GOOD) -> dashboard.ThresholdsConfig:
    """Red where an alert's limit is passed. ``== 0`` is red below 1: such figures are counts."""
    below = any(limit.operator in {"<", "<=", "=="} for limit in limits)
    thresholds = [models.Threshold(value=None, color=BAD if below else fine)]
    for limit in sorted(limits, key=lambda limit: limit.value):
        if limit.operator == "==":
            thresholds.append(models.Threshold(value=limit.value + 1, color=fine))
        else:
            thresholds.append(
                models.Threshold(value=limit.value, color=fine if limit.operator.startswith("<") else BAD)
            )
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def by_threshold() -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)


def plain() -> dashboard.ThresholdsConfig:
    """A figure nobody has to act on."""
    return steps((), fine=PLAIN)


def asked(expr: str, legend: str = "__auto", ref: str = "A") -> prometheus.Dataquery:
    """A query over the dashboard's time range."""
    return prometheus.Dataquery().ref_id(ref).datasource(SOURCE).expr(expr).legend_format(legend).range()


def asked_now(expr: str, legend: str = "__auto", ref: str = "A") -> prometheus.Dataquery:
    """A query at the end of the dashboard's time range."""
    return prometheus.Dataquery().ref_id(ref).datasource(SOURCE).expr(expr).legend_format(legend).instant()


def number(
    title: str,
    text: str,
    expr: str,
    *,
    unit: str = "short",
    width: int = 4,
    alert: str = "",
    legend: str = "__auto",
    decimals: int | None = None,
) -> stat.Panel:
    """One figure; red where the alert's limit is passed. A ``legend`` is shown in place of the figure."""
    panel = framed(stat.Panel(), title, text, unit=unit, width=width, height=4)
    panel.with_target(asked_now(expr, legend)).thresholds(steps(limits_of(alert)) if alert else plain())
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.VALUE)
    panel.text_mode(kinds.BigValueTextMode.VALUE if legend == "__auto" else kinds.BigValueTextMode.NAME)
    panel.color_scheme(by_threshold())
    return panel if decimals is None else panel.decimals(decimals)


def share(title: str, text: str, expr: str, *, width: int = 4, alert: str = "", decimals: int = 1) -> stat.Panel:
    """One figure in percent."""
    return number(title, text, expr, unit="percentunit", width=width, alert=alert, decimals=decimals)


def lines(
    title: str,
    text: str,
    queries: Mapping[str, str],
    *,
    unit: str,
    width: int = 12,
    alert: str = "",
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """Series over time, by legend. The alert's limit is a dashed line."""
    panel = framed(timeseries.Panel(), title, text, unit=unit, width=width).axis_soft_min(0)
    for ref, (name, expr) in zip("ABCDEFGH", queries.items(), strict=False):
        panel.with_target(asked(expr, name, ref))
    panel.draw_style(kinds.GraphDrawStyle.LINE).line_width(1).fill_opacity(25 if stacked else 5)
    panel.show_points(kinds.VisibilityMode.NEVER).span_nulls(False)
    panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL if stacked else kinds.StackingMode.NONE))
    panel.legend(legend(["lastNotNull", "max"])).tooltip(tooltip())
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, [coloured(colour)])
    return limit_line(panel, limits_of(alert)) if alert else panel


class WithLimitLine(Panel, Protocol):
    """Panels with axes."""

    def thresholds_style(self, thresholds_style: common.GraphThresholdsStyleConfig) -> Self: ...


L = TypeVar("L", bound=WithLimitLine)


def limit_line(panel: L, limits: Sequence[Limit]) -> L:
    """A dashed line at each limit: red, or green where it is the lower of two."""
    style = common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED)
    # A line has the colour of what lies above it.
    fine = GOOD if any(limit.operator.startswith("<") for limit in limits) else "transparent"
    return panel.thresholds(steps(limits, fine)).thresholds_style(style)


def bars_now(
    title: str,
    text: str,
    expr: str,
    *,
    unit: str,
    legend: str,
    width: int,
    alert: str = "",
    height: int = 8,
    format: PromQueryFormat = PromQueryFormat.TIME_SERIES,  # noqa: A002 - Grafana's word
) -> bargauge.Panel:
    """A horizontal bar for each series, as of now. ``format`` heat map: bars of a histogram, one a bucket."""
    panel = framed(bargauge.Panel(), title, text, unit=unit, width=width, height=height).min(0)
    panel.with_target(asked_now(expr, legend).format(format)).color_scheme(by_threshold())
    panel.thresholds(steps(limits_of(alert)) if alert else plain())
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    return panel.orientation(kinds.VizOrientation.HORIZONTAL).display_mode(kinds.BarGaugeDisplayMode.BASIC)


def spread(title: str, text: str, expr: str, *, axis_unit: str, width: int = 12) -> heatmap.Panel:
    """A histogram over time: darker cells hold more."""
    panel = framed(heatmap.Panel(), title, text, unit="short", width=width)
    panel.with_target(asked(expr, "{{le}}").format(PromQueryFormat.HEATMAP))
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64).exponent(0.5)
    panel.color(colour.scale(HeatmapColorScale.EXPONENTIAL).fill("dark-blue")).calculate(False).cell_gap(1)
    panel.y_axis(heatmap.YAxisConfig().unit(axis_unit).axis_placement(kinds.AxisPlacement.LEFT))
    return panel.cell_values(heatmap.CellValues().unit("short")).tooltip(heatmap_tooltip())


def heatmap_tooltip() -> heatmap.HeatmapTooltip:
    return heatmap.HeatmapTooltip().mode(kinds.TooltipDisplayMode.SINGLE).y_histogram(True)


def legend(calculations: Sequence[str] = ()) -> common.VizLegendOptions:
    """Below the panel: names in a line, or with figures in a table."""
    mode = kinds.LegendDisplayMode.TABLE if calculations else kinds.LegendDisplayMode.LIST
    shown = common.VizLegendOptions().show_legend(True).display_mode(mode)
    return shown.placement(kinds.LegendPlacement.BOTTOM).calcs(list(calculations))


def tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)


def coloured(colour: str) -> models.DynamicConfigValue:
    """An override that gives a series its colour."""
    return overridden("color", {"mode": "fixed", "fixedColor": colour})


def overridden(name: str, value: Any) -> models.DynamicConfigValue:
    """One property of an override."""
    return models.DynamicConfigValue(id_val=name, value=value)
