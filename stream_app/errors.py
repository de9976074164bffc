"""Every exception the stream side raises on purpose.

Each class has a ``reason`` from a closed set (safe as a metric label) and an ``exit_status``; each instance says what
happened, what was kept, and what to do next. What is wrong with a *record* raises nothing: it is a
:class:`stream_app.events.Rejection`.
"""

from __future__ import annotations

import traceback

from models.errors import ExpectedError


class StreamAppError(ExpectedError):
    """Base of the classes below."""

    reason = "stream_app"


def trace_of(fault: BaseException) -> str:
    """Class and place of an exception without its text, which may hold a customer's data."""
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


class MappingError(StreamAppError):
    """The mapping file cannot be read or does not fit the contract. Correct every problem listed and start again."""

    reason = "mapping"
    exit_status = 2


class BrokerUnreachable(StreamAppError):
    """No broker answered in the stated time. Check the address and that the broker runs; nothing was written."""

    reason = "broker_unreachable"
    exit_status = 3


class BrokerAway(BrokerUnreachable):
    """The gateway lost its connection to the broker and reconnects by itself. The text is for callers: no address."""

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


class RightsMissing(StreamAppError):
    """The cluster does not let this principal do what its role must. Grant what the message lists, start again."""

    reason = "rights_missing"
    exit_status = 14


class ClientStoreError(StreamAppError):
    """The client store cannot be opened, read or written. Check its path; the records wait uncommitted."""

    reason = "client_store"
    exit_status = 5


class ClientStoreUnavailable(ClientStoreError):
    """The client store does not answer, is locked or was emptied. A scorer retries for a while, then exits."""

    reason = "client_store_unavailable"


class RegistryError(StreamAppError):
    """The schema registry refuses us or our schema, or is none. Correct its settings; no record was passed over."""

    reason = "registry"
    exit_status = 13


class RegistryUnavailable(RegistryError):
    """The schema registry does not answer. A scorer retries for a while, then exits; no record was passed over."""

    reason = "registry_unavailable"


class TransactionsUnsupported(StreamAppError):
    """The broker has no transactions. Set the guarantee to at_least_once, or use Apache Kafka; nothing was read."""

    reason = "transactions_unsupported"
    exit_status = 3


class GroupRefused(StreamAppError):
    """The broker does not let this worker into its consumer group. Check rights and settings; nothing was read."""

    reason = "group_refused"
    exit_status = 3


class SlotInUse(StreamAppError):
    """Another worker was started later in this worker's slot and has its partitions. Give each worker its own slot."""

    reason = "slot_in_use"
    exit_status = 16


class DeliveryFailed(StreamAppError):
    """A decision could not be delivered or its input offset not committed. The worker exits; the records come again."""

    reason = "delivery"
    exit_status = 6


class RestoreFailed(StreamAppError):
    """Past decisions could not be read, so a repeated request would be decided again. The worker exits; restart it."""

    reason = "recall"
    exit_status = 6


class PollLost(StreamAppError):
    """Fetched records never reached the agent. The worker exits without committing; a restart fetches them again."""

    reason = "poll_lost"
    exit_status = 8


class RecordsLost(StreamAppError):
    """Records were deleted before they were read, or a log was made anew; by setting nothing goes on without a person.

    Read the message, then start once with STREAM_APP_ON_LOST_RECORDS=go_on.
    """

    reason = "records_lost"
    exit_status = 15


class WorkerStalled(StreamAppError):
    """Nothing was committed for too long although there was lag, or the event loop was blocked. Restart the worker."""

    reason = "stalled"
    exit_status = 11


class StopTimedOut(StreamAppError):
    """A worker did not stop in time after its signal. The batch in hand is decided after the next start."""

    reason = "stop_timed_out"
    exit_status = 12


class ChildFailed(StreamAppError):
    """A child process gave no result, for one of the reasons below. The next call starts a new process."""

    reason = "child"
    exit_status = 10


class ChildCrashed(ChildFailed):
    """The child crashed in native code, or was killed for its memory. Give it more memory or fewer rows."""

    reason = "crashed"


class ChildClosed(ChildCrashed):
    """The child was ended because its owner stops. Nothing is wrong; its work is done after the next start."""

    reason = "closed"


class ChildHung(ChildFailed):
    """The child did not answer in time and was killed. Give it more time or fewer rows."""

    reason = "hung"


class ChildRaised(ChildFailed):
    """The work itself raised. Correct what the message names; if that is a class and a place, report a bug."""

    reason = "raised"


class ReportFailed(StreamAppError):
    """No report: no such window, no rows in the range, or a folder that cannot be written. Name another one."""

    reason = "report"
    exit_status = 2


class StoreError(StreamAppError):
    """The decision store cannot be opened or used, and waiting will not help. The message names it and the remedy."""

    reason = "store"
    exit_status = 9


class StoreUnavailable(StoreError):
    """The decision store is locked, full or gone. The monitor retries until it answers; nothing is committed."""

    reason = "store_unavailable"


class StoreOutdated(StoreError):
    """The decision store's tables are of an older version. Start the monitor on it, which upgrades it in place."""

    reason = "store_outdated"


class DemoFailed(StreamAppError):
    """A request of the replay has no output, or two. The summary says how many; look into the worker's log."""

    reason = "demo"
    exit_status = 7
