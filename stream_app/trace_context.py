"""W3C Trace Context: the two headers that connect a request, its record, its decision and its answer.

``traceparent`` and ``tracestate`` are carried if they are valid and bounded, and dropped if not, as the recommendation
says: a malformed or doubled ``traceparent`` takes its ``tracestate`` with it, a malformed ``tracestate`` goes alone. Of
a later version of ``traceparent`` what version 00 knows is carried. https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
NAMES = frozenset({TRACEPARENT, TRACESTATE})

MAX_PARENT_BYTES = 512
"""Of a later version; version 00 has 55."""
MAX_STATE_BYTES = 512
"""What everyone must be able to pass on. A longer one is dropped whole: part of it is of no use to its vendors."""
MAX_STATE_MEMBERS = 32

_PARENT = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})-(?!0{16})(?P<span_id>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?",
    re.DOTALL,
)
_PARENT_00 = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_MEMBER = re.compile(rb"[a-z0-9][a-z0-9_\-*/]{0,240}(@[a-z][a-z0-9_\-*/]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}")
_SAMPLED = 1

Header = tuple[str, bytes]


class TraceContext(NamedTuple):
    """A valid context. Ids in lower-case hexadecimal digits; ``state`` may be empty."""

    trace_id: str
    span_id: str
    flags: int
    state: bytes = b""

    @property
    def sampled(self) -> bool:
        """Whether its caller records the trace."""
        return bool(self.flags & _SAMPLED)

    @property
    def parent(self) -> bytes:
        """The value of ``traceparent``."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}".encode()

    def headers(self) -> list[Header]:
        """The headers that carry it."""
        state = [(TRACESTATE, self.state)] if self.state else []
        return [(TRACEPARENT, self.parent), *state]


def read_context(headers: Iterable[tuple[str, bytes | None]]) -> TraceContext | None:
    """The context that the headers carry, names in lower case; None without a valid one."""
    found = [(name, value or b"") for name, value in headers if name in NAMES]
    parents = [value for name, value in found if name == TRACEPARENT]
    if len(parents) != 1 or len(parents[0]) > MAX_PARENT_BYTES or not (match := _PARENT.fullmatch(parents[0])):
        return None
    flags = int(match["flags"], 16)
    if match["version"] != b"00":
        flags &= _SAMPLED  # the one that every version has
    elif match["rest"] is not None:
        return None
    state = _state(value for name, value in found if name == TRACESTATE)
    return TraceContext(match["trace_id"].decode(), match["span_id"].decode(), flags, state)


def carried_headers(headers: Iterable[tuple[str, bytes | None]]) -> list[Header]:
    """The two headers as they are passed on; none without a valid context."""
    found = [(name, value or b"") for name, value in headers if name in NAMES]
    if len(found) == 1 and _PARENT_00.fullmatch(found[0][1]):
        return found  # what nearly all have, at a third of the cost; a tracestate looks otherwise
    context = read_context(found)
    return context.headers() if context else []


def _state(values: Iterable[bytes]) -> bytes:
    """Several headers are one list; empty if any of it is malformed, doubled or too much."""
    members = [stripped for value in values for member in value.split(b",") if (stripped := member.strip(b" \t"))]
    keys = {member.partition(b"=")[0] for member in members}
    state = b",".join(members)
    if len(keys) < len(members) or len(members) > MAX_STATE_MEMBERS or len(state) > MAX_STATE_BYTES:
        return b""
    return state if all(map(_MEMBER.fullmatch, members)) else b""
