"""What goes into the decision store and what comes out of it. Times are microseconds since 1970 UTC (``_us``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.event_time import WindowSize

NUL = "\0"
"""JSON may have it in a string, PostgreSQL not in a text: it is stored as its symbol, on both engines."""

WindowKind = Literal["time", "count"]


def without_nul(text: str) -> str:
    """The text as it is stored."""
    return text.replace(NUL, "␀")


class DecisionRow(NamedTuple):
    """One decision. A tuple in the order of the columns, because it goes to the driver as it is.

    ``probability_of_default``: 0..1, higher is riskier. ``late``: in no window. ``record``: the JSON as it was on the
    topic, at ``topic_offset`` of ``partition``.
    """

    request_id: str
    client_id: str
    requested_at_us: int
    decided_at_us: int
    outcome: str
    probability_of_default: float
    model_version: str
    late: bool
    record: str
    partition: int
    topic_offset: int


class LabelRow(NamedTuple):
    """Whether the loan of one request defaulted, from its record on the topic."""

    request_id: str
    client_id: str
    defaulted: bool
    observed_at_us: int
    partition: int
    topic_offset: int


class PartitionOffset(NamedTuple):
    """The offset a partition is read from next, and its event clock: the latest event so far, None before the first."""

    next_offset: int
    latest_us: int | None


@dataclass(frozen=True)
class Put:
    """What one poll brought, to be stored as a whole. ``offsets``: by topic and partition number.

    ``size``: of the time windows. It decides which closed windows get labels, and is that of the whole store.
    """

    decisions: Sequence[DecisionRow]
    labels: Sequence[LabelRow]
    offsets: Mapping[tuple[str, int], PartitionOffset]
    size: WindowSize


@dataclass(frozen=True)
class Stored:
    """What became of a put. ``late``: of the new decisions. ``labels_repeated``: known before, with the same content.

    ``labels_contradicting``: against the label known, which stays. ``labels_of_other_clients``: naming another client
    than their request did, found when the label comes or when its decision does. ``labels_pending``: how many of all
    labels wait for their decision now.
    """

    decisions_new: int = 0
    decisions_known: int = 0
    late: int = 0
    labels_new: int = 0
    labels_repeated: int = 0
    labels_contradicting: int = 0
    labels_of_other_clients: int = 0
    labels_pending: int = 0


class WindowKey(NamedTuple):
    """A closed window. Time windows are bounded by ``start_us`` (in) and ``end_us`` (out), count windows by sequence
    numbers, both in; theirs are the other two. ``labels_seen``: labels that joined it since it was closed.
    ``revision``: of its drift event, 0 before the first.
    """

    id: str
    kind: WindowKind
    start_us: int
    end_us: int
    first_seq: int | None
    last_seq: int | None
    labels_seen: int
    revision: int = 0


class Unpublished(NamedTuple):
    """A revision of a window's drift event that is not on the topic yet; ``record`` is its JSON."""

    id: str
    revision: int
    record: bytes


@dataclass(frozen=True)
class Rows:
    """Decisions in columns of one length, the timely ones; in order of request, or of arrival in a count window.

    ``records``: decision JSON. ``probability``: of default, 0..1. ``defaulted``: 1, 0, or NaN while unknown. ``total``:
    timely decisions there are, more than the columns hold when a limit was set. ``late``: those left out for that.
    """

    records: list[str]
    probability: NDArray[np.float64]
    outcome: list[str]
    model_version: list[str]
    defaulted: NDArray[np.float64]
    late: int
    total: int = 0


@dataclass(frozen=True)
class Counts:
    """How many of each the store holds; ``late`` are among the decisions, ``labels_pending`` among the labels."""

    decisions: int
    late: int
    labels: int
    labels_pending: int
    contradictions: int
    windows: int
