"""Reports are whole or not there, and their folder never holds more than it should."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monitoring.reports.folder import keep_newest, name_of, write_whole
from stream_app.errors import ReportFailed


def reports(folder: Path, *ages_seconds: float) -> list[str]:
    """Reports written so long ago, by name, in that order."""
    names = [name_of(f"2006-{number:02}") for number in range(1, len(ages_seconds) + 1)]
    for name, age in zip(names, ages_seconds, strict=True):
        written(folder / name, age)
    return names


def written(path: Path, age_seconds: float) -> None:
    path.write_text("report")
    at = path.stat().st_mtime - age_seconds
    os.utime(path, (at, at))


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("window", "name"),
    [
        ("2006-03", "window-2006-03.html"),
        ("2006-03-05T13:00Z", "window-2006-03-05T13-00Z.html"),
        ("count-000001", "window-count-000001.html"),
    ],
)
def test_a_report_is_named_after_its_window_with_characters_every_disk_takes(window: str, name: str) -> None:
    assert name_of(window) == name


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    write_whole(tmp_path / "a/b/report.html", "text")
    assert (tmp_path / "a/b/report.html").read_text() == "text"


def test_a_report_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_whole(tmp_path / "report.html", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600


def test_an_older_report_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (path := tmp_path / "report.html").write_text("older")
    write_whole(path, "newer")
    assert (path.read_text(), names_in(tmp_path)) == ("newer", {"report.html"})


def test_what_cannot_be_written_is_an_error_that_names_the_place_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (path := tmp_path / "report.html").mkdir()
    with pytest.raises(ReportFailed, match=r"report\.html cannot be written"):
        write_whole(path, "text")
    assert names_in(tmp_path) == {"report.html"}


def test_the_newest_reports_stay_by_the_time_they_were_written(tmp_path: Path) -> None:
    names = reports(tmp_path, 30, 10, 20, 40)
    keep_newest(tmp_path, 2)
    assert names_in(tmp_path) == {names[1], names[2]}


def test_files_of_others_stay(tmp_path: Path) -> None:
    reports(tmp_path, 30, 10)
    written(tmp_path / "window-notes.txt", 10_000)
    written(tmp_path / "mine.html", 10_000)
    keep_newest(tmp_path, 0)
    assert names_in(tmp_path) == {"window-notes.txt", "mine.html"}


def test_what_a_killed_process_left_half_done_goes_after_an_hour(tmp_path: Path) -> None:
    written(tmp_path / ".window-2006-03.html.123.part", 3700)
    written(tmp_path / ".window-2006-04.html.124.part", 60)
    keep_newest(tmp_path, 5)
    assert names_in(tmp_path) == {".window-2006-04.html.124.part"}
