"""What the agent relies on for delivery, whatever the guarantee."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stream_app.events import Offsets, Output, RawRecord
from stream_app.transport.assignment import SeekListener


class Lanes(SeekListener, Protocol):
    """One lane for each assigned input partition: output partition = input partition, order kept."""

    async def deliver(self, records: Sequence[RawRecord], outputs: Sequence[Output | None]) -> bool:
        """Publish the outputs of these records (a repeat has none) and commit, or soon, their offsets.

        False: the commit was undone or is in doubt; what was not committed comes again. Raises DeliveryFailed when the
        broker took too long.
        """

    def committed_offsets(self) -> Offsets:
        """The offset of the first record not yet committed, of every partition owned now."""

    async def close(self) -> None:
        """Finish the batch in hand, then close the connections to the broker."""
