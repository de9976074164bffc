"""A Faust transport on which one poll of a batch topic is one Faust event. The only place that touches Faust internals.

Faust spends about 75 µs on every message on its way to an agent. Here all that one poll brought from a batch topic,
every partition of it, travels as one message whose value is a :class:`Poll`; the agent stays ``async for poll in
polls``. While one poll is being scored the next one waits and absorbs what comes meanwhile, so batches grow under load
and shrink to one record without it. Other topics pass through unchanged.

Each seek begins a new *epoch*. Seeking and counting happen in one step of the consumer's own thread, and each poll is
stamped on that thread: a poll of an older epoch was fetched from a position that no longer holds, and is dropped.

``batch_transport`` is what the app is given, ``consumer`` makes events of polls and seeks, ``thread`` fetches and
commits on the consumer's own thread, ``assignment`` is what the group assigned until it is revoked, ``counterparts``
which of it can be read, ``membership`` says why the group refuses a worker, ``slots`` is about static members,
``log_bounds`` what a log does not have any more, ``faust_workarounds`` replaces what would stop Faust from reading,
``app`` is the Faust app around them.
"""

from stream_app.transport.app import BatchApp
from stream_app.transport.assignment import Assignment, AssignmentRevoked, SeekListener
from stream_app.transport.batch_transport import BatchTransport
from stream_app.transport.consumer import BatchConsumer
from stream_app.transport.log_bounds import LossReport, OutOfRange
from stream_app.transport.poll import BatchOptions, Poll
from stream_app.transport.thread import FetchState

__all__ = [
    "Assignment",
    "AssignmentRevoked",
    "BatchApp",
    "BatchConsumer",
    "BatchOptions",
    "BatchTransport",
    "FetchState",
    "LossReport",
    "OutOfRange",
    "Poll",
    "SeekListener",
]
