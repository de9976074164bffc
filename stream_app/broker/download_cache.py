"""The user's cache: folders that are filled once, completely or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from stream_app.errors import BrokerStartFailed

_APP = "loan-stream-scorer"


def filled_once(name: str, fill: Callable[[Path], None]) -> Path:
    """The cache folder ``name``; ``fill`` makes it if it does not exist yet. Safe in several processes at once.

    ``fill`` gets the path of a new folder to create, which is renamed to ``name`` when ``fill`` returns. Raises what
    ``fill`` raises, and :class:`BrokerStartFailed` if the cache cannot be written.
    """
    folder = _folder(name)
    if not folder.is_dir():
        try:
            _fill(folder, fill)
        except OSError as error:
            raise BrokerStartFailed(
                f"The cache folder {folder} cannot be written: {error.strerror or error}.",
                do_next="Set XDG_CACHE_HOME to a folder that can, or take the other engine: --engine tansu.",
            ) from error
    return folder


def _folder(name: str) -> Path:
    """In the system's cache folder, unless it already exists where earlier versions put it on every system."""
    folder = user_cache_path(_APP, appauthor=False) / name
    earlier = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _APP / name
    return earlier if earlier.is_dir() and not folder.is_dir() else folder


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it if the holder dies
        if folder.is_dir():
            return
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed
        try:
            fill(partial)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
