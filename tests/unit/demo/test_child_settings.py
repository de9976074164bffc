"""The demo's workers: what is told when one does not start, how they are stopped, and the folder that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_app.demo.child_process import ChildWorker, stop_all
from stream_app.demo.child_settings import STORE_FILE, make_folder_to_keep
from stream_app.errors import DemoFailed, InputFileError


def test_a_worker_that_ends_is_told_by_its_name_with_the_end_of_its_log(tmp_path: Path) -> None:
    child = ChildWorker("monitor", "no-such-command", tmp_path, {})
    with pytest.raises(DemoFailed, match=r"The monitor ended by itself(.|\n)*No such command 'no-such-command'"):
        child.wait_until_ready()
    child.stop()


def test_the_folder_of_a_worker_goes_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "its"
    folder.mkdir()
    stop_all([ChildWorker("scorer", "no-such-command", folder, {})])
    assert not folder.exists()


def test_the_users_own_settings_do_not_reach_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAM_APP_LOG_LEVEL", "no such level")
    child = ChildWorker("monitor", "worker", tmp_path, {"kafka": "nonsense", "clients": tmp_path / "clients.db"})
    with pytest.raises(DemoFailed, match="STREAM_APP_KAFKA") as fault:
        child.wait_until_ready()
    child.stop()
    assert "STREAM_APP_LOG_LEVEL" not in str(fault.value)


class Recorded(ChildWorker):
    """A child that notes what it is told."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.name, self.told = name, told  # no process is started

    def end(self) -> None:
        self.told.append(f"end {self.name}")

    def stop(self) -> None:
        self.told.append(f"stop {self.name}")


def test_workers_are_all_told_to_end_before_one_is_waited_for() -> None:
    told: list[str] = []
    stop_all([Recorded("a", told), Recorded("b", told)])
    assert told == ["end a", "end b", "stop a", "stop b"]


def test_the_folder_to_keep_is_made(tmp_path: Path) -> None:
    make_folder_to_keep(tmp_path / "new" / "one")
    assert (tmp_path / "new" / "one").is_dir()


def test_a_folder_with_an_older_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / STORE_FILE).write_text("older")
    with pytest.raises(InputFileError, match="already has"):
        make_folder_to_keep(tmp_path)
    assert (tmp_path / STORE_FILE).read_text() == "older"


def test_a_folder_that_cannot_be_made_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputFileError, match="Nothing was started"):
        make_folder_to_keep(tmp_path / "file")
