"""Requests and labels as the records that are sent."""

from __future__ import annotations

import msgspec

from stream_app.events import Label
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.tables.columns import Request

DECISION = "decision"
"""What a sound request must be answered with; a bad one expects its rejection reason."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One record to send, and what it must be answered with: ``DECISION`` or a rejection reason."""

    key: bytes | None
    value: bytes | None
    expected: str = DECISION
    request_id: str = ""


def request_message(request: Request, requests: Format = JSON) -> Message:
    """A request as it should be sent: in the topic's format under the client's id."""
    return Message(request.client_id.encode(), requests.encode(request), request_id=request.request_id)


def label_message(label: Label, outcomes: Format = JSON) -> Message:
    """A label as it is sent: in the topic's format under the client's id, so on the partition number of its request."""
    return Message(label.client_id.encode(), outcomes.encode(label), request_id=label.request_id)
