"""The demo's children: what is reported when one does not start, how they are stopped, and the folder that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_app.demo.child_process import ChildProcess, stop_all
from stream_app.demo.child_settings import STORE_FILE, kept_text, make_folder_to_keep
from stream_app.errors import DemoFailed, InputFileError


def test_a_child_that_ends_is_reported_by_its_name_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = ChildProcess("monitor", "no-such-command", tmp_path, {})
    with pytest.raises(DemoFailed, match=r"The monitor ended by itself(.|\n)*No such command 'no-such-command'"):
        child.wait_until_ready()
    child.stop()


def test_the_folder_of_a_child_is_deleted_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "its"
    folder.mkdir()
    stop_all([ChildProcess("scorer", "no-such-command", folder, {})])
    assert not folder.exists()


def test_the_users_own_settings_do_not_reach_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_LOG_LEVEL", "no such level")
    child = ChildProcess("monitor", "worker", tmp_path, {"kafka": "nonsense", "clients": tmp_path / "clients.db"})
    with pytest.raises(DemoFailed, match="STREAM_APP_KAFKA") as fault:
        child.wait_until_ready()
    child.stop()
    assert "STREAM_APP_LOG_LEVEL" not in str(fault.value)


class Recorded(ChildProcess):
    """A child that records its calls."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.name, self.calls = name, calls  # no process is started

    def begin_stop(self) -> None:
        self.calls.append(f"begin {self.name}")

    def stop(self) -> None:
        self.calls.append(f"stop {self.name}")


def test_every_child_is_asked_to_end_before_one_is_waited_for() -> None:
    calls: list[str] = []
    stop_all([Recorded("a", calls), Recorded("b", calls)])
    assert calls == ["begin a", "begin b", "stop a", "stop b"]


def test_the_folder_to_keep_is_made(tmp_path: Path) -> None:
    make_folder_to_keep(tmp_path / "new" / "one")
    assert (tmp_path / "new" / "one").stat().st_mode & 0o777 == 0o700


def test_a_folder_with_an_older_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / STORE_FILE).write_text("older")
    with pytest.raises(InputFileError, match="already has"):
        make_folder_to_keep(tmp_path)
    assert (tmp_path / STORE_FILE).read_text() == "older"


def test_a_folder_that_cannot_be_made_is_reported_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputFileError, match="Nothing was started"):
        make_folder_to_keep(tmp_path / "file")


def test_the_command_to_look_into_what_was_kept_names_a_window_there_is(tmp_path: Path) -> None:
    (tmp_path / "a.html").touch()
    text = kept_text(tmp_path, [tmp_path / "a.html", tmp_path / "b.html"], "2005-06")
    assert "1 reports" in text
    assert f"`stream-app report 2005-06 --store {tmp_path / STORE_FILE}`" in text
