"""The records on the topics: what producers send, what consumers read.

Values are JSON (UTF-8), keys are the client id. Null means missing. Times are RFC 3339 with an offset and leave in UTC.
``probability_of_default`` is in 0..1 and **higher is riskier**. Every input record gives exactly one output: a
:class:`Decision` on the decision topic or the original bytes on the rejection topic with a :class:`RejectionReason`
in the headers.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

_encode = msgspec.json.Encoder().encode

Features = TypeVar("Features")
Headers = Sequence[tuple[str, bytes]]
OutcomeName = Literal["approved", "review", "refused"]

MAX_REQUEST_ID = 128
MAX_CLIENT_ID = 64
RequestId = Annotated[
    str, Meta(min_length=1, max_length=MAX_REQUEST_ID, description="names the request and its answer")
]
ClientId = Annotated[str, Meta(min_length=1, max_length=MAX_CLIENT_ID, description="the record's key")]
ModelVersion = Annotated[str, Meta(max_length=64, description="changes with whatever changes a decision")]
EARLIEST_REQUEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
"""No request is older. Producers whose dates are unset send year 1, whose window would begin before all dates."""
Probability = Annotated[float, Meta(ge=0.0, le=1.0, description="higher is riskier")]


class TopicPartition(NamedTuple):
    """A partition of a topic. Equal to the client libraries' own pairs, and as a key interchangeable with them."""

    topic: str
    partition: int


Offsets = Mapping[TopicPartition, int]


class RawRecord(Protocol):
    """What the pipeline needs of a Kafka record; aiokafka's and kafka-python's own record classes fit.

    ``timestamp``: milliseconds since 1970, the producer's as a rule; -1: none.
    """

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def timestamp(self) -> int: ...


class Value(msgspec.Struct, gc=False):
    """A value that is on no topic (yet), as a record: under the client's id as its key."""

    key: bytes
    value: bytes
    topic: str = ""
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    headers: Headers = ()


class Unreadable(bytes):
    """The value of a record that could not be parsed: the raw bytes that could be had, and ``fault``, why not.

    ``fault`` names no content of the record.
    """

    fault: str

    def __new__(cls, raw: bytes, fault: str) -> Unreadable:
        made = super().__new__(cls, raw)
        made.fault = fault
        return made


CONTRACT_HEADER = "request-format", b"contract"
"""Header of a request that keeps to the contract on a topic of foreign ones: no mapping is applied to it."""


class Undecodable(msgspec.DecodeError):
    """A value that is no record, with the reason to reject it for. The text names no content of the record."""

    def __init__(self, reason: RejectionReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def size_of(record: RawRecord) -> int:
    """Bytes of key, value and headers together."""
    size = len(record.key or b"") + len(record.value or b"")
    if record.headers:
        size += sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    return size


class LoanRequest(msgspec.Struct, Generic[Features], frozen=True, forbid_unknown_fields=True, gc=False):
    """One application for a loan. Absent features come from the client store; null is *missing* and stays so."""

    request_id: RequestId
    client_id: ClientId
    requested_at: Annotated[
        dt.datetime,
        Meta(tz=True, description="event time, not before 1900", extra_json_schema={"pattern": "^(19|[2-9][0-9])"}),
    ]
    features: Features | UnsetType = UNSET
    schema_version: int | UnsetType = UNSET


class ModelRef(msgspec.Struct, frozen=True, gc=False):
    """The model that judged: name, version, and SHA-256 of its text."""

    name: str
    version: ModelVersion
    sha256: str


class PolicyRef(msgspec.Struct, frozen=True, gc=False):
    """The policy that decided: approved below ``review_at``, refused from ``refuse_at``, review between."""

    id: str
    review_at: Probability
    refuse_at: Probability


class Reason(msgspec.Struct, frozen=True, gc=False):
    """A principal reason against the applicant. ``contribution``: log-odds of default, positive raises the risk."""

    code: str
    feature: str
    contribution: float
    text: str


class Challenger(msgspec.Struct, frozen=True, gc=False):
    """What a challenger model would have decided on the same features."""

    version: str
    probability_of_default: Probability
    outcome: OutcomeName


class Decision(msgspec.Struct, Generic[Features], frozen=True, gc=False):
    """The answer to one request. ``features`` is exactly what the model saw, after enrichment."""

    request_id: RequestId
    client_id: ClientId
    requested_at: Annotated[dt.datetime, Meta(tz=True, description="event time, UTC")]
    decided_at: Annotated[dt.datetime, Meta(tz=True, description="UTC")]
    outcome: OutcomeName
    probability_of_default: Probability
    policy: PolicyRef
    model: ModelRef
    reasons: tuple[Reason, ...]
    features: Features
    challenger: Challenger | None = None


class Label(msgspec.Struct, frozen=True, gc=False):
    """What became of one decided request, months later. ``defaulted``: lost within the horizon the model predicts."""

    request_id: RequestId
    client_id: ClientId
    defaulted: bool
    observed_at: Annotated[dt.datetime, Meta(tz=True, description="when it became known, event time")]


class RejectionReason(enum.StrEnum):
    """Why a record got no decision. A closed set: it labels metrics and tells the producer what to correct."""

    UNREADABLE = "unreadable"
    TOMBSTONE = "tombstone"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_AVRO = "not_avro"
    UNKNOWN_SCHEMA_ID = "unknown_schema_id"
    INCOMPATIBLE_SCHEMA = "incompatible_schema"
    NAN_LITERAL = "nan_literal"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_SCHEMA_VERSION = "unknown_schema_version"
    NULL_KEY = "null_key"
    KEY_MISMATCH = "key_mismatch"
    UNKNOWN_CLIENT = "unknown_client"
    INVALID_PROFILE = "invalid_profile"
    MISSING_REQUIRED_FEATURE = "missing_required_feature"
    CONFLICTING_REQUEST = "conflicting_request"
    INTERNAL_ERROR = "internal_error"


class Fault(msgspec.Struct, frozen=True, gc=False):
    """One thing that is wrong with a request. ``field``: a path such as ``features.amount``, empty for the record."""

    reason: RejectionReason
    rule: str
    field: str = ""


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """No decision for one record. ``message`` names fields and limits, never a value: it holds no personal data.

    ``faults``: those the message lists, where the request itself is at fault; the first gives the reason.
    """

    reason: RejectionReason
    message: str
    faults: tuple[Fault, ...] = ()


class Output(msgspec.Struct, frozen=True, gc=False):
    """One record to publish, on the decision topic or (``rejected``) on the rejection topic.

    ``timestamp_ms``: Unix time; None for when it is published.
    """

    rejected: bool
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None = None


def fingerprint(content: Any) -> bytes:
    """16 bytes that follow from the content of a request alone, however its JSON was written or ordered."""
    return hashlib.blake2b(_encode(content), digest_size=16).digest()
