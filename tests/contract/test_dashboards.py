"""The dashboards: made from code, complete, laid out, with the alerts' limits in them."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from monitoring.grafana.__main__ import BOARDS, FOLDER
from monitoring.grafana.alert_thresholds import Limit, alerts, limits_in, limits_of
from tests.builders.prometheus_files import walk

PANELS: list[tuple[str, dict[str, Any]]] = [
    (f"{name}-{panel['title']}", panel)
    for name in BOARDS
    for panel in json.loads((FOLDER / f"{name}.json").read_text())["panels"]
]
every_board = pytest.mark.parametrize("name", BOARDS)
every_panel = pytest.mark.parametrize(
    "panel", [pytest.param(panel, id=title) for title, panel in PANELS if panel["type"] != "row"]
)


@every_board
def test_the_committed_file_is_what_the_code_makes(name: str) -> None:
    """After a change to the code or to an alert's limit: make dashboards."""
    assert (FOLDER / f"{name}.json").read_text() == BOARDS[name].to_json()


def test_there_is_no_dashboard_that_no_code_makes() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == BOARDS.keys()
    assert len({board.uid for board in BOARDS.values()}) == len(BOARDS)


@every_panel
def test_panel_says_what_it_is_and_what_to_make_of_it(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    references = [target["refId"] for target in panel["targets"]]
    assert len(set(references)) == len(references)


@every_board
def test_panels_lie_inside_the_grid_and_cover_nobody_else(name: str) -> None:
    places = [panel["gridPos"] for panel in json.loads((FOLDER / f"{name}.json").read_text())["panels"]]
    assert all(place["x"] + place["w"] <= 24 and place["w"] > 0 and place["h"] > 0 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y


@every_board
def test_only_variables_that_are_declared_are_used(name: str) -> None:
    board = json.loads((FOLDER / f"{name}.json").read_text())
    declared = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval", "__range"}
    used = {v for each in walk(board) if "expr" in each for v in re.findall(r"\$(\w+)", each["expr"])}
    assert used <= declared
    assert declared - used <= {"__rate_interval", "__range"}


def drawn_limits() -> list[tuple[str, set[float]]]:
    """The queries of each panel, and every number in its thresholds."""
    found = []
    for _, panel in PANELS:
        queries = " ".join(target["expr"] for target in panel.get("targets", ()))
        steps = [step for each in walk(panel) if each.get("mode") == "absolute" for step in each["steps"]]
        numbers = {step["value"] for step in steps}
        found.append((queries, numbers))
    return found


@pytest.mark.parametrize(("alert", "limit"), [(alert, limit) for alert in alerts() for limit in limits_of(alert)])
def test_the_figure_of_an_alert_is_on_a_panel_with_the_alerts_limit(alert: str, limit: Limit) -> None:
    drawn = limit.value + 1 if limit.operator == "==" else limit.value  # of a count: red below 1
    figure = limit.series.replace("loan_monitor:observed_over_predicted:", "loan_monitor_observed_over_predicted_")
    panels = [numbers for queries, numbers in drawn_limits() if limit.series in queries or figure in queries]
    assert any(drawn in numbers for numbers in panels), f"{alert}: no panel shows {limit}"


def test_no_panel_draws_a_limit_that_no_alert_has() -> None:
    of_alerts = {limit.value + (limit.operator == "==") for alert in alerts() for limit in limits_of(alert)}
    assert {number for _, numbers in drawn_limits() for number in numbers} - {None} <= of_alerts


def by_labels(expr: str) -> set[str]:
    """Labels of the table that an instant query gives, as far as its text tells."""
    named = re.findall(r"by \(([\w, ]+)\)", expr) + re.findall(r'"(figure)"', expr)
    return {label for labels in named for label in labels.split(", ")} | {"Time", "Value"}


@every_panel
def test_transformations_turn_fields_that_the_query_gives(panel: dict[str, Any]) -> None:
    fields = by_labels(" ".join(target["expr"] for target in panel["targets"]))
    for step in panel.get("transformations", ()):
        options = step["options"]
        if step["id"] == "sortBy":
            assert {each["field"] for each in options["sort"]} <= fields
        if step["id"] == "groupingToMatrix":
            assert {options["rowField"], options["columnField"], options["valueField"]} <= fields
            fields = {f"{options['rowField']}\\{options['columnField']}"}
        if step["id"] == "organize":
            assert (options["renameByName"].keys() | options["excludeByName"].keys()) <= fields


@every_panel
def test_a_panel_over_windows_asks_once_and_as_a_table(panel: dict[str, Any]) -> None:
    if panel["type"] in {"table", "barchart", "trend"}:
        [target] = panel["targets"]
        assert (target["format"], target["instant"]) == ("table", True)


def test_an_alert_that_is_more_than_comparisons_has_no_limits_to_draw() -> None:
    with pytest.raises(ValueError, match="not comparisons"):
        limits_in("rate(a[5m]) > 1")


def test_every_dashboard_links_to_the_others() -> None:
    for file in sorted(Path(FOLDER).iterdir()):
        board = json.loads(file.read_text())
        [link] = board["links"]
        assert link["type"] == "dashboards"
        assert link["tags"] == board["tags"]
