"""Who is told around a seek."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from faust.types import TP


class SeekListener(Protocol):
    """Told around each seek, so that fencing always comes before the committed offsets are read."""

    async def open(self, partitions: set[TP]) -> Mapping[TP, int] | None:
        """Called before the committed offsets of these partitions are read.

        A listener that keeps positions of its own gives them: the broker is not asked then, and a partition that is
        not among them is read from its beginning. Raises SeekGivenUp when ``settle`` was called meanwhile and there
        is no answer.
        """

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        """Called after the seek: fetching goes on from these offsets (None: from the beginning) in this epoch.

        Not called when the partitions were given away during the seek.
        """

    async def settle(self) -> None:
        """Called when partitions are to be given away or the worker stops: begin nothing, end the batch in hand."""

    def forget(self) -> None:
        """Called when the partitions are given away: nothing is ours until the next ``resume``."""
