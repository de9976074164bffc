"""Whether the SQLite file is still the one that was opened. SQLite itself would go on writing into a removed file."""

from __future__ import annotations

from pathlib import Path

from monitoring.store.errors import unavailable
from stream_app.errors import StoreError


class FilePresence:
    """Remembers which file a path named when the store was opened."""

    def __init__(self, path: Path, store: str) -> None:
        self._path, self._store = path, store
        self._identity = self._look()

    def check(self) -> None:
        """Raises StoreUnavailable while the file is away, StoreError when another one is in its place."""
        if self._look() != self._identity:
            raise StoreError(
                f"The file of the decision store {self._store} was replaced while it was open.",
                kept="Nothing was written to the new one.",
                do_next="Start again: reading then goes on from the positions in it.",
            )

    def _look(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as fault:
            raise unavailable(self._store, f"its file is gone ({fault.strerror})") from fault
        return found.st_dev, found.st_ino
