"""The names of the topics."""

from __future__ import annotations

import re
from typing import Self

import msgspec

from stream_app.errors import SettingsError

_LEGAL = re.compile(r"[a-zA-Z0-9._-]*")


class TopicNames(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the topics of one deployment."""

    requests: str = "loan.requests"
    decisions: str = "loan.decisions"
    rejections: str = "loan.rejections"
    outcomes: str = "loan.outcomes"
    drift: str = "loan.drift"
    clients: str = "loan.clients"

    @classmethod
    def prefixed(cls, prefix: str) -> Self:
        """The default names behind ``prefix``, so that several deployments share a broker. Raises SettingsError."""
        if not _LEGAL.fullmatch(prefix) or len(prefix) > 200:
            raise SettingsError(
                f"The topic prefix {prefix!r} is not usable.",
                do_next='Take at most 200 letters, digits, ".", "_" and "-".',
            )
        return cls(**{field.name: prefix + field.default for field in msgspec.structs.fields(cls)})

    @property
    def prefix_option(self) -> str:
        """What a command line needs to name the same topics, with a space before it."""
        prefix = self.requests.removesuffix(TopicNames().requests)
        return f" --topic-prefix {prefix}" if prefix else ""

    def all(self) -> tuple[str, ...]:
        """The names of all six."""
        return msgspec.structs.astuple(self)

    def of_clients(self) -> tuple[str, ...]:
        """Those with records of single clients: all but the drift events."""
        return tuple(name for name in self.all() if name != self.drift)

    def paired(self) -> tuple[str, ...]:
        """The five whose partitions belong together, which every deployment has. Profiles as events are a choice."""
        return tuple(name for name in self.all() if name != self.clients)
