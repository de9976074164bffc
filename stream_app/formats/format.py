"""What a format does for its topic; the settings choose one for each of requests, decisions and outcomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

Kind = TypeVar("Kind")


class Format(Protocol):
    """How the values of one topic are written and read."""

    def decoder(self, kind: type[Kind]) -> Callable[[bytes], Kind]:
        """A function from a value to its record. It raises msgspec.DecodeError (:class:`stream_app.events.Undecodable`
        where the format has a reason of its own), UnicodeDecodeError, RecursionError, or RegistryError: the value may
        be sound, but nobody can tell."""

    def to_json(self, value: bytes) -> bytes:
        """The value as a JSON document; raises the same. JSON passes through, whatever it holds."""

    def written_json(self, value: bytes) -> bytes:
        """As :meth:`to_json`, with what only the writer knows, too."""

    def encode(self, record: msgspec.Struct) -> bytes:
        """The value of a record. Raises RegistryError."""

    def prepare(self) -> None:
        """Get what the first :meth:`encode` would need. Raises RegistryError."""
