"""The user's cache: folders that are filled once, complete or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from stream_app.errors import BrokerStartFailed


def filled_once(name: str, fill: Callable[[Path], None]) -> Path:
    """The cache folder ``name``; ``fill`` makes it if it is not there yet. Safe in several processes at once.

    ``fill`` gets the path of a folder beside it that does not exist, which takes the name in one step when ``fill``
    returns. Raises what ``fill`` raises, and :class:`BrokerStartFailed` if the cache cannot be written.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loan-stream-scorer" / name
    if not folder.is_dir():
        try:
            _fill(folder, fill)
        except OSError as error:
            raise BrokerStartFailed(
                f"The cache folder {folder} cannot be written: {error.strerror or error}.",
                do_next="Set XDG_CACHE_HOME to a folder that can, or take the other engine: --engine tansu.",
            ) from error
    return folder


def _fill(folder: Path, fill: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel frees it if the holder dies
        if folder.is_dir():
            return
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # left by a process that was killed
        try:
            fill(partial)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
