"""One decision a request id: requests to go on with, and those whose id was decided before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stream_app.events import LoanRequest, Rejection, RejectionReason
from stream_app.steps.decided import UNKNOWN_CONTENT, Decided, Key


class Repeat(msgspec.Struct, frozen=True, gc=False):
    """The same request again: it was decided, so this record has no output."""


REPEAT = Repeat()
_CONFLICT = Rejection(
    RejectionReason.CONFLICTING_REQUEST,
    "Its `request_id` was decided before with other content; a new request needs a new id, a repeated one no change.",
)


class Once(msgspec.Struct, frozen=True, gc=False):
    """A request that was decoded: where and under which id it stands, and the digest of its content."""

    key: Key
    request: LoanRequest[Any]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Sifted:
    """Requests by their position in the batch.

    ``fresh``: to be decided. ``answered``: decided before. ``later``: the id is among the fresh ones, on whose verdict
    it depends: a request that is rejected leaves its id free.
    """

    fresh: dict[int, Once] = field(default_factory=dict)
    answered: dict[int, Repeat | Rejection] = field(default_factory=dict)
    later: dict[int, Once] = field(default_factory=dict)


def sift(requests: Mapping[int, Once], decided: Decided, earlier: Mapping[Key, bytes], now: dt.datetime) -> Sifted:
    """``earlier``: what was decided just now, which ``decided`` cannot know yet."""
    sifted = Sifted()
    begun: set[Key] = set()
    for at, each in requests.items():
        known = earlier.get(each.key)
        if known is None:
            known = decided.digest(each.key, now)
        if known is not None:
            sifted.answered[at] = REPEAT if known in (each.digest, UNKNOWN_CONTENT) else _CONFLICT
        elif each.key in begun:
            sifted.later[at] = each
        else:
            begun.add(each.key)
            sifted.fresh[at] = each
    return sifted
