"""The folder of reports: files are replaced atomically, for their owner alone, and removed beyond a set number."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from stream_app.errors import ReportFailed
from stream_app.private_files import create_private

_NAME = "window-{}.html"
_ABANDONED_SECONDS = 3600.0


def name_of(window_id: str) -> str:
    """The file of a window's report: ``window-2006-03.html``; colons, which not every disk takes, become dashes."""
    return _NAME.format(window_id.replace(":", "-"))


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader sees the old one or the new one. Raises ReportFailed when the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as fault:
        raise ReportFailed(
            f"The report {path} cannot be written ({fault.strerror}).",
            kept="An older one of that name is unchanged; the window's figures are in the store.",
            do_next="Make room there, or name another place; `stream-app report` makes it anew at any time.",
        ) from fault


def keep_newest(folder: Path, kept: int) -> None:
    """Remove reports of windows but for the ``kept`` ones written last, and what a killed process left half done.

    Files of other names are not touched. What cannot be removed now is tried again after the next report.
    """
    reports = sorted(folder.glob(_NAME.format("*")), key=_written_at, reverse=True)
    long_ago = time.time() - _ABANDONED_SECONDS
    halves = [half for half in folder.glob(f".{_NAME.format('*')}.*.part") if _written_at(half) < long_ago]
    for old in (*reports[kept:], *halves):
        with contextlib.suppress(OSError):
            old.unlink()


def remove_reports(folder: Path, window_ids: Iterable[str]) -> int:
    """Remove the reports of these windows, those there are. Returns how many. Raises ReportFailed."""
    reports = [path for path in (folder / name_of(window_id) for window_id in window_ids) if path.exists()]
    try:
        for path in reports:
            path.unlink(missing_ok=True)
    except OSError as fault:
        raise ReportFailed(
            f"A report in {folder} cannot be removed ({fault.strerror}).",
            kept="Reports that were removed before stay so.",
            do_next="Run it as the user who owns the folder.",
        ) from fault
    return len(reports)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.unlink(missing_ok=True)  # of a killed process
    create_private(beside)
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _written_at(path: Path) -> float:
    """Seconds since 1970; 0 for a file that somebody else removed meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
