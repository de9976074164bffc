"""The formats that the settings ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.contract import Contract
from stream_app.errors import RegistryUnavailable
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.formats.settings import FormatSettings
from stream_app.topics import TopicNames

if TYPE_CHECKING:
    from stream_app.formats.registry import SchemaRegistry

ASK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Formats:
    """The format of each topic that has one; JSON without settings."""

    requests: Format = JSON
    decisions: Format = JSON
    outcomes: Format = JSON
    registry: SchemaRegistry | None = None

    @classmethod
    def of(cls, settings: FormatSettings, topics: TopicNames, contract: Contract) -> Formats:
        """As the settings say; nothing is asked of the registry yet. Raises SettingsError for its certificates."""
        if not settings.uses_avro:
            return cls()
        from stream_app.formats.avro_topics import formats_of  # noqa: PLC0415 - 0.1 s, for Avro only

        return cls(*formats_of(settings, topics, contract))

    def prepare(self, *written: Format, wait_seconds: float, say: Callable[[str], None]) -> None:
        """Wait for the registry, if there is one, and get what is needed to write in these formats.

        ``say`` hears once that it waits. Raises RegistryUnavailable after ``wait_seconds``, RegistryError at once.
        """
        deadline, said = time.monotonic() + wait_seconds, False
        while True:
            try:
                self._prepare(written)
            except RegistryUnavailable as fault:
                if time.monotonic() > deadline:
                    raise
                if not said:
                    say(f"{fault.happened} Waiting for it for up to {wait_seconds:g} s.")
                said = True
                time.sleep(ASK_AGAIN_SECONDS)
            else:
                return

    def _prepare(self, written: tuple[Format, ...]) -> None:
        if self.registry is not None:
            self.registry.check()
            for each_format in written:
                each_format.prepare()
