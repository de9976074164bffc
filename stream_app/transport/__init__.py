"""A Faust transport on which one poll of a batch topic is one Faust event. The only place that touches Faust internals.

Faust spends about 75 µs on every message on its way to an agent. Here all that one poll brought from a batch topic,
every partition of it, travels as one message whose value is a :class:`Poll`; the agent stays ``async for poll in
polls``. While one poll is being scored the next one waits and absorbs what comes meanwhile, so batches grow under load
and shrink to one record without it. Other topics pass through unchanged.

Each seek begins a new *epoch*. Seeking and counting happen in one step of the consumer's own thread, and each poll is
stamped on that thread: a poll of an older epoch was fetched from a position that no longer holds, and is dropped.

``consumer`` hands polls on and seeks, ``thread`` fetches and commits on the consumer's own thread, ``recovery`` makes
Faust seek after a rebalance, ``untrimmed`` keeps it from dropping what was sought, ``app`` is the Faust app around
them; ``listener`` is whoever is told around a seek, ``seen`` what the last fetch told of a partition.
"""

from stream_app.transport.app import BatchApp
from stream_app.transport.consumer import BatchConsumer, BatchTransport
from stream_app.transport.listener import SeekListener
from stream_app.transport.options import BatchOptions
from stream_app.transport.recovery import PatientTables
from stream_app.transport.seen import Seen

__all__ = ["BatchApp", "BatchConsumer", "BatchOptions", "BatchTransport", "PatientTables", "SeekListener", "Seen"]
