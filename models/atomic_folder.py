"""Writes a folder in one step: a reader sees the old one, the new one or none, never a part of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from models.errors import OutputError


def check_output_folder(path: Path, *, files: Collection[str], replace: bool) -> None:
    """Raise :class:`OutputError` if something at ``path`` may not be replaced.

    Even with ``replace``, a folder is replaced only if it holds nothing but ``files``: a mistyped path must not delete
    somebody's home folder.
    """
    if not path.exists():
        return
    if not replace:
        raise _taken(f"{path} exists already.", "Name another --out or add --force.")
    if not path.is_dir() or not {entry.name for entry in path.iterdir()} <= set(files):
        raise _taken(f"{path} holds other files than a bundle's.", "Not even --force replaces it: name another --out.")


def check_output_file(path: Path, *, replace: bool) -> None:
    """Raise :class:`OutputError` if a folder is at ``path``, or a file that may not be replaced."""
    if path.is_dir() or (path.exists() and not replace):
        raise _taken(f"{path} exists already.", "Name another --out or add --force.")


def _taken(happened: str, do_next: str) -> OutputError:
    return OutputError(happened, kept="It was left as it is.", do_next=do_next)


def write_folder(
    path: Path,
    files: Mapping[str, bytes],
    *,
    replaceable: Collection[str],
    verify: Callable[[Path], object],
    replace: bool,
) -> None:
    """Write ``files`` by name into a new folder beside ``path``, have ``verify`` read it, then rename it to ``path``.

    ``replaceable``: the names that a folder at ``path`` may hold, see :func:`check_output_folder`.

    Raises what ``verify`` raises, and :class:`OutputError` as :func:`check_output_folder` does or if the file system
    refuses; ``path`` is unchanged then.
    """
    check_output_folder(path, files=replaceable, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as workspace:
            fresh = Path(workspace) / "new"
            fresh.mkdir()
            for name, content in files.items():
                _write_durably(fresh / name, content)
            verify(fresh)
            _swap(fresh, path, retired=Path(workspace) / "old")
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {error.strerror}.",
            kept="What was there is unchanged.",
            do_next="Name another --out, or make room and allow writing there.",
        ) from error


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(fresh: Path, path: Path, retired: Path) -> None:
    """Two renames. If the second fails, the old folder is moved back."""
    if path.exists():
        path.rename(retired)
    try:
        fresh.rename(path)
    except OSError:
        if retired.exists():
            shutil.move(retired, path)
        raise
