"""Files that hold personal data: for their owner alone, mode 0600, whatever the umask."""

from __future__ import annotations

import os
from pathlib import Path


def create_private(path: Path) -> None:
    """Make an empty file that its owner alone can read and write; one that is there keeps its mode.

    What SQLite puts beside a database (write-ahead log, its index) gets the database's mode. Where no file can be made,
    nothing is: whoever opens it next says why.
    """
    try:
        descriptor = os.open(path.resolve(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return
    try:
        os.fchmod(descriptor, 0o600)  # a umask may have taken its owner's bits
    finally:
        os.close(descriptor)
