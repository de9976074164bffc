"""JSON, as topics hold it unless the settings say otherwise."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stream_app.formats.format import Kind


class Json:
    """Values are JSON documents in UTF-8."""

    def __init__(self) -> None:
        self.encode: Callable[[msgspec.Struct], bytes] = msgspec.json.Encoder().encode

    def decoder(self, kind: type[Kind]) -> Callable[[bytes], Kind]:
        return msgspec.json.Decoder(kind).decode

    def to_json(self, value: bytes) -> bytes:
        return value

    def written_json(self, value: bytes) -> bytes:
        return value

    def prepare(self) -> None:
        """Nothing is needed."""


JSON = Json()
