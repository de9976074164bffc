"""A foreign document to the plain object that the contract reads. Pure: same document, same answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from stream_app.events import Fault
from stream_app.mapping.paths import DoesNotFit, Steps, parse_path, shown, value_at
from stream_app.mapping.sources import FeatureReader, PathText, text_of
from stream_app.mapping.times import TimeReader

Read = Callable[[Any], Any]
Field = tuple[str, str, Read]
"""A field's name in its object, its name in the whole record, and what reads it from a document."""


@dataclass(frozen=True)
class Fields:
    """Where the fields beside the features are, and how the time is written."""

    request_id: PathText
    client_id: PathText
    requested_at: PathText
    time_format: str
    timezone: str | None


class RequestMapper:
    """Maps documents as a mapping file says. Made by :func:`stream_app.mapping.file.read_mapping`."""

    def __init__(self, fields: Fields, features: Sequence[FeatureReader]) -> None:
        time = TimeReader(fields.time_format, fields.timezone)
        of_fields: tuple[tuple[str, PathText, Read], ...] = (
            ("request_id", fields.request_id, text_of),
            ("client_id", fields.client_id, text_of),
            ("requested_at", fields.requested_at, time.read),
        )
        self._fields = [(name, name, _reader(parse_path(path), read)) for name, path, read in of_fields]
        self._features = [(feature.name, f"features.{feature.name}", feature.read) for feature in features]
        self._paths = {name: shown(parse_path(path)) for name, path, _ in of_fields}
        self._paths |= {f"features.{f.name}": shown(f.steps) for f in features if f.steps}

    def map(self, document: Any) -> tuple[dict[str, Any], list[Fault]]:
        """The fields that the document has, those that fit, and a fault for each of the others."""
        faults: list[Fault] = []
        mapped = self._read(self._fields, document, faults)
        mapped["features"] = self._read(self._features, document, faults)
        return mapped, faults

    def _read(self, fields: Iterable[Field], document: Any, faults: list[Fault]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, full_name, read in fields:
            try:
                value = read(document)
            except DoesNotFit as fault:
                faults.append(fault.fault(self._paths[full_name], full_name))
            else:
                if value is not UNSET:
                    values[name] = value
        return values

    def paths(self) -> Mapping[str, str]:
        """By field of the contract, where it comes from."""
        return self._paths


def _reader(steps: Steps, read: Read) -> Read:
    """Reads a field that is no feature: a null is as good as nothing."""

    def read_at(document: Any) -> Any:
        value = value_at(document, steps)
        return UNSET if value is None or value is UNSET else read(value)

    return read_at
