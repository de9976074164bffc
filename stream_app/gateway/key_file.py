"""The key file of a running gateway: what is added or removed there counts a second later, without a new start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from stream_app.errors import SettingsError
from stream_app.gateway.api_keys import Caller, Keys

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

Stamp = tuple[int, int, int]


class KeyFile:
    """Knows callers by their keys. Raises SettingsError when the file is not usable at the start."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._stamp = _stamp(path)
        self._keys = Keys.read(path)
        self._looked_at = clock()

    def caller(self, key: str) -> Caller | None:
        """Whose key this is."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        return self._keys.caller(key)

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = Keys.read(self._path, at_least=0)
        except SettingsError as fault:
            log.error("%s The keys of before still count.", fault.happened)
        else:
            log.info("the key file changed: %d keys count", len(self._keys.names()))


def _stamp(path: Path) -> Stamp | None:
    """What changes with the file; None while there is none."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino
