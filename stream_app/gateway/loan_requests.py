"""Loan requests as the gateway sends them: read from a body, or made of what is stored of a client.

A body is judged by the scorer's own decoder, so HTTP refuses what the stream would reject, for the same reason.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
from msgspec import UNSET

from models.contract import Contract
from stream_app.events import Decision, LoanRequest, Rejection, RejectionReason, Value, fingerprint
from stream_app.feature_struct import feature_struct
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.gateway.problem_details import ProblemError, rejection
from stream_app.gateway.store_lookups import KnownClient
from stream_app.steps.decode import Decoder

_INVALID_PROFILE = rejection(
    RejectionReason.INVALID_PROFILE.value, "The client's stored profile or application breaks the contract."
)

_encode = msgspec.json.Encoder().encode


class PreparedRequest(msgspec.Struct, frozen=True, gc=False):
    """A valid request: ``value`` is sent under ``key``. ``fingerprint``: of its content, however it was written.

    ``by_content``: its id follows from that, and the time of asking does not count.
    """

    request: LoanRequest[Any]
    key: bytes
    value: bytes
    fingerprint: bytes
    by_content: bool = False


class _Names(msgspec.Struct, gc=False):
    """Of any type, which the decoder judges."""

    client_id: Any = ""
    request_id: Any = UNSET


class RequestReader:
    """Makes requests that keep to a contract. ``max_bytes``: of a body; ``requests``: the format they are sent in."""

    def __init__(self, contract: Contract, max_bytes: int, requests: Format = JSON) -> None:
        self._requests = requests
        features: Any = feature_struct(contract)
        self._decoder = Decoder(contract, max_bytes)
        self._names = msgspec.json.Decoder(_Names).decode
        self._object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
        self._features = msgspec.json.Decoder(features).decode
        self._decision = msgspec.json.Decoder(Decision[features]).decode
        self._absent = dict.fromkeys(contract.names(), msgspec.Raw(b"null"))

    def read(self, body: bytes, idempotency_key: str | None) -> PreparedRequest:
        """The request in a body; ``idempotency_key`` names it when it has no id of its own. Raises ProblemError."""
        try:
            names = self._names(body)
            if idempotency_key is not None and names.request_id is UNSET:
                body = _encode(self._object(body) | {"request_id": idempotency_key})
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            names = _Names()  # the decoder below finds the same fault and explains it
        key = names.client_id.encode() if isinstance(names.client_id, str) else b""
        [request] = self._decoder.decode([Value(key, body)])
        if isinstance(request, Rejection):
            raise ProblemError(rejection(request.reason.value, request.message, request.faults))
        value = body if self._requests is JSON else self._requests.encode(request)
        return PreparedRequest(request, key, value, fingerprint(request))

    def of_client(self, client_id: str, known: KnownClient, now: dt.datetime) -> PreparedRequest:
        """The request for a client's latest application, completed with the profile; it names every feature.

        Its id follows from client and content: the same application is the same request, another one is not. Raises
        ProblemError when what is stored breaks the contract.
        """
        try:
            stored = [self._object(document) for document in known if document is not None]
            merged = self._absent | {name: value for document in stored for name, value in document.items()}
            features = self._features(_encode(merged))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ProblemError(_INVALID_PROFILE) from None
        content = fingerprint([client_id, features])
        request = LoanRequest(f"predict-{content.hex()}", client_id, now, features)
        return PreparedRequest(request, client_id.encode(), self._requests.encode(request), content, by_content=True)

    def is_answered_by(self, prepared: PreparedRequest, decision: bytes) -> bool:
        """Whether a decision with the request's id can be the answer to its content: same client, time and features.

        An id that follows from the content is no proof of it: anybody may have sent something else under it.
        """
        request = prepared.request
        try:
            decided = self._decision(decision)
        except msgspec.DecodeError:
            return False  # of a model with other features
        same = decided.client_id == request.client_id
        same = same and (prepared.by_content or decided.requested_at == request.requested_at)
        return same and (request.features is UNSET or _agree(request.features, decided.features))


def _agree(sent: Any, scored: Any) -> bool:
    pairs = zip(msgspec.structs.astuple(sent), msgspec.structs.astuple(scored), strict=True)
    return all(value is UNSET or value == other for value, other in pairs)
