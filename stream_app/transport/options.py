"""What the transport is told of the topics it reads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """``topics``: delivered as polls. ``fetch_max_wait_seconds``: how long a broker may hold an empty fetch."""

    topics: frozenset[str]
    fetch_max_wait_seconds: float
    max_partition_fetch_bytes: int = 4 * 1024 * 1024
