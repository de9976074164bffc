"""Every exception the stream side raises on purpose.

Each class carries a bounded ``reason`` (safe as a metric label) and an ``exit_status``; each instance says what
happened, what was kept, and what to do next. What is wrong with a *record* is no exception: it is a
:class:`stream_app.events.Rejection`.
"""

from __future__ import annotations

import traceback
from typing import ClassVar

from models.errors import ExpectedError


class StreamAppError(ExpectedError):
    """Base of the tree."""

    reason = "stream_app"


def trace_of(fault: BaseException) -> str:
    """Class and place of a fault without its text, which may hold a customer's data."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(fault.__traceback__)]
    return f"{type(fault).__name__} at " + " < ".join(reversed(frames))


class SettingsError(StreamAppError):
    """The environment or the command line does not make valid settings. Correct every problem listed, start again."""

    reason = "settings"
    exit_status = 2


class InputFileError(StreamAppError):
    """A file the user named cannot be read or lacks what is needed. Correct the file or name another one."""

    reason = "input_file"
    exit_status = 2


class BrokerUnreachable(StreamAppError):
    """No broker answered in the stated time. Check the address and that the broker runs; nothing was written."""

    reason = "broker_unreachable"
    exit_status = 3


class BrokerAway(BrokerUnreachable):
    """The gateway's connection to the broker is gone; it comes back by itself. The text is for callers: no address."""

    reason = "broker_away"


class BrokerStartFailed(StreamAppError):
    """The embedded broker could not be fetched or started. The message names the missing piece and the other engine."""

    reason = "broker_start"
    exit_status = 3


class PortTaken(StreamAppError):
    """Another process listens on the port. Choose another port or end that process."""

    reason = "port_taken"
    exit_status = 3


class TopicMismatch(StreamAppError):
    """Topics are missing or do not share one partition count. Create them anew or name others."""

    reason = "topic_mismatch"
    exit_status = 4


class ClientStoreError(StreamAppError):
    """The client store cannot be opened, read or written. Check its path; the records wait uncommitted."""

    reason = "client_store"
    exit_status = 5
    retry: ClassVar[bool] = False


class ClientStoreUnavailable(ClientStoreError):
    """The client store is away, locked or emptied. A scorer asks again for a while; then it exits, uncommitted."""

    reason = "client_store_unavailable"
    retry = True


class TransactionsUnsupported(StreamAppError):
    """The broker has no transactions. Take at_least_once as the guarantee, or Apache Kafka; nothing was read."""

    reason = "transactions_unsupported"
    exit_status = 3


class DeliveryFailed(StreamAppError):
    """A decision could not be delivered or its input offset not committed. The worker exits; the records come again."""

    reason = "delivery"
    exit_status = 6


class RestoreFailed(StreamAppError):
    """What was decided before could not be read, so a repeated request would pass for a new one. The worker exits."""

    reason = "recall"
    exit_status = 6


class PollLost(StreamAppError):
    """Records that were fetched never reached the agent. The worker exits uncommitted; a restart fetches them again."""

    reason = "poll_lost"
    exit_status = 8


class WorkerStalled(StreamAppError):
    """There was work and nothing was committed for too long, or the event loop stood still. A restart begins anew."""

    reason = "stalled"
    exit_status = 11


class StopTimedOut(StreamAppError):
    """A worker that was told to stop could not finish in time. The batch in hand is decided after the next start."""

    reason = "stop_timed_out"
    exit_status = 12


class ChildFailed(StreamAppError):
    """Work handed to a child process gave no result. The three kinds below say how; the next call starts a new one."""

    reason = "child"
    exit_status = 10


class ChildCrashed(ChildFailed):
    """The process died: a crash in native code, or the system killed it for its memory. Give it more, or fewer rows."""

    reason = "crashed"


class ChildClosed(ChildCrashed):
    """The process was ended on purpose, because its owner stops. Nothing is wrong; whatever it was at is done later."""

    reason = "closed"


class ChildHung(ChildFailed):
    """The process did not answer in time and was killed. Give it more time or fewer rows."""

    reason = "hung"


class ChildRaised(ChildFailed):
    """The work itself failed. Mend what the message names; where that is a class and a place, report a bug."""

    reason = "raised"


class ReportFailed(StreamAppError):
    """No report: no such window, no rows in the range, or a place that takes no file. Name another one."""

    reason = "report"
    exit_status = 2


class StoreError(StreamAppError):
    """The decision store cannot be opened or used, and waiting will not help. The message names it and the remedy."""

    reason = "store"
    exit_status = 9
    retry: ClassVar[bool] = False


class StoreUnavailable(StoreError):
    """The decision store is locked, full or gone. Nothing is committed meanwhile; it is asked until it answers."""

    reason = "store_unavailable"
    retry = True


class DemoFailed(StreamAppError):
    """The replay ended with a missing or doubled output. The summary names how many."""

    reason = "demo"
    exit_status = 7
