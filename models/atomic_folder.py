"""Writing a folder in one step: a reader sees the old one, the new one or none, never half of one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from models.errors import OutputError


def check_free(path: Path, *, ours: Collection[str], replace: bool) -> None:
    """Raise :class:`OutputError` when something is at ``path`` and may not be replaced.

    Even with ``replace`` a folder goes only when it holds nothing but files named in ``ours``: a slip of the pen must
    not delete somebody's home folder.
    """
    if not path.exists():
        return
    if not replace:
        raise _taken(f"{path} exists already.", "Name another --out or add --force.")
    if not path.is_dir() or not {entry.name for entry in path.iterdir()} <= set(ours):
        raise _taken(f"{path} holds something else than a bundle.", "Not even --force replaces it: name another --out.")


def check_free_file(path: Path, *, replace: bool) -> None:
    """Raise :class:`OutputError` when a file is at ``path`` and may not be replaced, or a folder is."""
    if path.is_dir() or (path.exists() and not replace):
        raise _taken(f"{path} exists already.", "Name another --out or add --force.")


def _taken(happened: str, do_next: str) -> OutputError:
    return OutputError(happened, kept="It was left as it is.", do_next=do_next)


def write_folder(path: Path, files: Mapping[str, bytes], *, verify: Callable[[Path], object], replace: bool) -> None:
    """Write ``files`` by name into a new folder beside ``path``, let ``verify`` read it, then rename it to ``path``.

    Whatever ``verify`` raises passes through and leaves ``path`` as it was. Raises :class:`OutputError` like
    :func:`check_free` does, and when the disk refuses.
    """
    check_free(path, ours=files.keys(), replace=replace)
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
        raise OutputError(f"Cannot write {path}: {error.strerror}.", kept="What was there is unchanged.") from error


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(fresh: Path, path: Path, retired: Path) -> None:
    """Two renames; the old folder comes back when the second fails."""
    if path.exists():
        path.rename(retired)
    try:
        fresh.rename(path)
    except OSError:
        if retired.exists():
            shutil.move(retired, path)
        raise
