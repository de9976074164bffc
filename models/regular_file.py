"""Reads files that may be anything: a pipe without a writer, a device without an end, a hole of a terabyte."""

from __future__ import annotations

import stat
from pathlib import Path


class NotReadable(Exception):
    """No regular file, or one that is too large or cannot be read; the text says which."""


def read_regular(path: Path, limit: int) -> bytes:
    """The content of a regular file, or of one that a link leads to, of up to ``limit`` bytes. Raises NotReadable."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise NotReadable("is not a file")
        if about.st_size > limit:
            raise NotReadable(f"is larger than {limit:,} bytes")
        with path.open("rb") as file:
            return file.read(about.st_size)  # not the limit: room for that much would be made
    except OSError as error:
        raise NotReadable(f"cannot be read ({error.strerror})") from error
