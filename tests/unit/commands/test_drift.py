"""``stream-app drift`` on a store: a table for people, plain in a pipe, JSON for programs, one message a mistake."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from monitoring.event_time import WindowSize
from monitoring.store import DecisionRow, DecisionStore, Put
from stream_app.commands.drift import command
from stream_app.drift_events import DriftEvent
from stream_app.errors import StoreError
from tests.builders.drift_events import event_with_ratios as event

MONTH = WindowSize.parse("1mo")
EVENTS = [event(1), event(2, {"home": 4.0}), event(3, {"home": 2.0})]


def decision(at_us: int) -> DecisionRow:
    return DecisionRow(f"r{at_us}", "c", at_us, at_us, "approved", 0.05, "v1", False, "{}", 0, at_us)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store whose windows are :data:`EVENTS`."""
    path = str(tmp_path / "decisions.db")
    starts_us = [int(each.window.start.timestamp() * 1e6) for each in EVENTS]
    with DecisionStore.open(path) as made:
        made.put(Put([decision(at_us) for at_us in starts_us], [], {}, MONTH))
        made.close_due(MONTH.end_of(starts_us[-1]), MONTH, at_us=0)
        for key, each in zip(made.uncomputed(), EVENTS, strict=True):
            made.computed(key, each)
    return path


def run(*words: str) -> Result:
    """The command's result; an error of ours is raised, as the command line's main catches it."""
    result = CliRunner().invoke(command, words)
    if isinstance(result.exception, StoreError):
        raise result.exception
    return result


def test_in_a_pipe_there_are_plain_lines_a_window_each_oldest_first(store: str) -> None:
    done = run("--store", store)
    assert done.exit_code == 0
    assert [line[:7] for line in done.stdout.splitlines()[2:5]] == ["2006-01", "2006-02", "2006-03"]
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1] == "2 of 3 windows drifted: home in 2."


def test_the_last_windows_can_be_chosen(store: str) -> None:
    assert "2006-02" not in run("--store", store, "--last", "1").stdout


def test_one_feature_can_be_chosen_and_has_a_line_alone(store: str) -> None:
    done = run("--store", store, "--feature", "home").stdout
    assert "home" in done
    assert "employees" not in done


def test_a_json_line_is_the_event_as_it_was_published(store: str) -> None:
    lines = run("--store", store, "--json").stdout.splitlines()
    assert [msgspec.json.decode(line, type=DriftEvent) for line in lines] == EVENTS


def test_a_feature_there_is_not_is_one_message_that_names_those_there_are(store: str) -> None:
    done = run("--store", store, "--feature", "colour")
    assert done.exit_code == 2
    assert "No such feature: colour. There are: amount, employees, home." in done.stderr


def test_json_holds_all_features_so_none_can_be_chosen(store: str) -> None:
    done = run("--store", store, "--json", "--feature", "home")
    assert done.exit_code == 2
    assert "not both" in done.stderr


def test_a_store_without_a_closed_window_says_so_beside_the_output(tmp_path: Path) -> None:
    DecisionStore.open(str(tmp_path / "new.db")).close()
    done = run("--store", str(tmp_path / "new.db"), "--json")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "No window is closed yet" in done.stderr


def test_a_store_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing\.db"):
        run("--store", str(tmp_path / "missing.db"))
    assert list(tmp_path.iterdir()) == []
