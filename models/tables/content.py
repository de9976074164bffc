"""The bytes of a file, inflated where its name says that they are compressed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa


def content_of(path: Path) -> memoryview:
    """Mapped into memory where it is not compressed. Raises OSError."""
    if not path.stat().st_size:
        return memoryview(b"")
    if path.suffix.lower() in (".gz", ".zst", ".bz2"):
        with pa.input_stream(str(path), compression="detect") as stream:
            return memoryview(stream.read())
    with pa.memory_map(str(path)) as file:
        return memoryview(file.read_buffer())
