"""kafka-python's messages over aiokafka's connections.

aiokafka's connection asks a request for its struct, its header and its answer's type; :class:`Request` is all of these
at once.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion

CLIENT_ID = "loan-stream-scorer"


class _NoHeader:
    """The message's own encoder writes the header, too."""

    @staticmethod
    def encode() -> bytes:
        return b""


class Request:
    """One message and the version to send it in."""

    def __init__(self, message: Any, answer: type[Any], version: int) -> None:
        """``message``: of kafka-python's generated classes; ``answer``: the class of its response."""
        self._message, self._answer, self._version = message, answer, version
        self._answered: Any = None

    def prepare(self, versions: dict[int, tuple[int, int]]) -> Request:
        """Raises IncompatibleBrokerVersion when the broker does not take this version."""
        lowest, highest = versions.get(self._message.API_KEY, (0, -1))
        if not lowest <= self._version <= highest:
            raise IncompatibleBrokerVersion(f"{self._message.name} v{self._version} is not in v{lowest}-{highest}")
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> _NoHeader:
        self._message.API_VERSION = self._version
        self._message.with_header(correlation_id=correlation_id, client_id=client_id)
        return _NoHeader()

    def encode(self) -> bytes:
        return bytes(self._message.encode(header=True))

    def parse_response_header(self, answer: BytesIO) -> Any:
        self._answered = self._answer.decode(answer.read(), version=self._version, header=True)
        return self._answered.header

    @property
    def RESPONSE_TYPE(self) -> Request:  # noqa: N802 - aiokafka's name
        return self

    def decode(self, _rest: BytesIO) -> Any:
        return self._answered

    def __repr__(self) -> str:
        return f"{self._message.name} v{self._version}"  # aiokafka logs its requests; what is sent is personal
