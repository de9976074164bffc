"""What it takes to start one engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Engine = Literal["kafka", "tansu"]


@dataclass(frozen=True, kw_only=True)
class Launch:
    """``command`` is the broker, which answers with ``cluster_id``, an id no other broker has.

    ``meaning``: for people, which broker it is, transactions or not, durable or not.
    """

    engine: Engine
    port: int
    cluster_id: str
    command: list[str]
    meaning: str
