"""Builds a dashboard from its rows of panels, with the variables and links that all four share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from monitoring.grafana.panels import SOURCE

TAG = "loan-stream-scorer"
Rows = Mapping[str, Sequence[Builder[models.Panel]]]
Variable = Builder[models.VariableModel]


@dataclass(frozen=True)
class Board:
    """One dashboard. ``rows``: panels by the heading above them; those under the empty heading come first."""

    uid: str
    title: str
    text: str
    rows: Rows
    variables: Sequence[Variable]
    since: str = "now-30m"
    refresh: str = "10s"

    def to_json(self) -> str:
        """The file Grafana is given."""
        document = json.loads(JSONEncoder().encode(self._assembled().build()))
        for number, panel in enumerate(document["panels"], 1):
            panel["id"] = number
        for link in document["links"]:
            del link["placement"]  # the builder's default hides them in a menu
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def _assembled(self) -> dashboard.Dashboard:
        board = dashboard.Dashboard(self.title).uid(self.uid).description(self.text).tags([TAG]).readonly()
        board.time(self.since, "now").refresh(self.refresh).tooltip(models.DashboardCursorSync.CROSSHAIR)
        board.variables(list(self.variables)).link(_to_the_others()).timezone("browser").version(1).annotations([])
        for heading, panels in self.rows.items():
            if heading:
                board.with_row(dashboard.Row(heading))
            for panel in panels:
                board.with_panel(panel)
        return board


def _to_the_others() -> dashboard.DashboardLink:
    links = dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    return links.as_dropdown(False).include_vars(False).keep_time(True).icon("external link").tooltip("").url("")


def scorer_variable() -> Variable:
    """Which scorers; all of them by default."""
    variable = _label_values("instance", "Scorer", "loan_scorer_partitions_assigned, instance")
    variable.multi(True).include_all(True).all_value(".*")
    return variable.current(models.VariableOption(text=["All"], value=["$__all"]))


def model_variable() -> Variable:
    """Which model version's performance."""
    return _label_values("model", "Model version", "loan_monitor_expected_default_rate, model_version")


def _label_values(name: str, label: str, series: str) -> dashboard.QueryVariable:
    query = f"label_values({series})"
    variable = dashboard.QueryVariable(name).label(label).datasource(SOURCE).definition(query)
    variable.query({"query": query, "refId": name}).refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.sort(models.VariableSort.ALPHABETICAL_ASC)


def window_variables() -> list[Variable]:
    """Which kind of windows, and how many of the newest."""
    return [_choice("kind", "Windows by", ("time", "count"), 0), _choice("last", "Newest", ("12", "24", "48"), 1)]


def _choice(name: str, label: str, values: Sequence[str], chosen: int) -> Variable:
    options = [
        models.VariableOption(selected=index == chosen, text=value, value=value) for index, value in enumerate(values)
    ]
    variable = dashboard.CustomVariable(name).label(label).values(",".join(values)).options(options)
    return variable.current(options[chosen])
