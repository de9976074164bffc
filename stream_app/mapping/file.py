"""The mapping file: TOML, read and checked against the contract, every problem listed at once."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from models.contract import Contract
from stream_app.errors import MappingError
from stream_app.feature_struct import feature_struct
from stream_app.mapping.mapper import Fields, RequestMapper
from stream_app.mapping.sources import FeatureReader, PathText, Source, path_problems
from stream_app.mapping.times import time_problems

MAX_BYTES = 1_000_000


class TimeSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the time of a request comes from, and how it is written."""

    path: PathText
    format: str = "rfc3339"
    timezone: str | None = None


class MappingFile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file, of what it holds whatever has the right type."""

    request_id: PathText | UnsetType = UNSET
    client_id: PathText | UnsetType = UNSET
    requested_at: PathText | dict[str, Any] | UnsetType = UNSET
    features: dict[str, Any] = {}
    from_profile: tuple[str, ...] = ()


def read_mapping(path: Path, contract: Contract) -> RequestMapper:
    """The mapping of a file, sound for this contract. Raises MappingError with every problem."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise OSError(0, "no regular file" if path.exists() else "no such file")
        with path.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    except OSError as fault:
        raise MappingError(
            f"Cannot read the mapping {path} ({fault.strerror}).",
            kept="Nothing was started.",
            do_next="Check the path, which STREAM_APP_MAPPING names for a scorer.",
        ) from None
    return parse_mapping(text, contract, source=str(path))


def parse_mapping(text: bytes, contract: Contract, *, source: str) -> RequestMapper:
    """As :func:`read_mapping`; ``source`` names the file in errors."""
    try:
        if len(text) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as fault:
        raise _unsound(source, contract, [f"it is no TOML: {fault}"]) from None
    file, type_faults = _typed(document)
    time, time_faults = _time_source(file.requested_at)
    sources, faults = _sources(file.features)
    problems = [*type_faults, *time_faults, *faults, *_problems(file, sources, contract)]
    if problems or time is None or file.request_id is UNSET or file.client_id is UNSET:
        raise _unsound(source, contract, problems)
    features = [FeatureReader(f, sources[f.name]) for f in contract.features if f.name in sources]
    return RequestMapper(Fields(file.request_id, file.client_id, time.path, time.format, time.timezone), features)


def _unsound(source: str, contract: Contract, problems: Iterable[str]) -> MappingError:
    return MappingError(
        f"The mapping {source} does not fit the contract {contract.name!r}:\n"
        + "".join(f"  {problem}\n" for problem in problems),
        kept="Nothing was started.",
        do_next="Correct it, and try it with `stream-app mapping check FILE --sample RECORD.json`.",
    )


def _typed(document: Mapping[str, Any]) -> tuple[MappingFile, list[str]]:
    """What has the type it should, and what is wrong with the rest."""
    known: dict[str, Any] = {}
    problems = []
    for name, value in document.items():
        if name not in MappingFile.__struct_fields__:
            problems.append(f"{name}: there is no such setting{_suggestion(name, MappingFile.__struct_fields__)}")
            continue
        try:
            msgspec.convert({name: value}, MappingFile)
            known[name] = value
        except msgspec.ValidationError as fault:
            problems.append(f"{name}: {str(fault).partition(' - at ')[0]}")
    return msgspec.convert(known, MappingFile), problems


def _time_source(given: Any) -> tuple[TimeSource | None, list[str]]:
    if given is UNSET:
        return None, ["requested_at: it has no source"]
    try:
        time = msgspec.convert(given if isinstance(given, dict) else {"path": given}, TimeSource)
    except msgspec.ValidationError as fault:
        return None, [f"requested_at: {fault}"]
    found = [*path_problems(time.path), *time_problems(time.format, time.timezone)]
    return time, [f"requested_at: {problem}" for problem in found]


def _sources(tables: Mapping[str, Any]) -> tuple[dict[str, Source], list[str]]:
    """The sources that read as such, and what is wrong with the others. A path alone may stand for its table."""
    sources, problems = {}, []
    for name, table in tables.items():
        try:
            sources[name] = msgspec.convert(table if isinstance(table, dict) else {"path": table}, Source)
        except msgspec.ValidationError as fault:
            problems.append(f"features.{name}: {fault}")
    return sources, problems


def _problems(file: MappingFile, sources: Mapping[str, Source], contract: Contract) -> Iterator[str]:
    for name, path in (("request_id", file.request_id), ("client_id", file.client_id)):
        if path is UNSET:
            yield f"{name}: it has no source"
        else:
            yield from (f"{name}: {problem}" for problem in path_problems(path))
    by_name = {feature.name: feature for feature in contract.features}
    for name in sorted({*file.features, *file.from_profile} - by_name.keys()):
        yield f"features.{name}: the contract has no such feature{_suggestion(name, by_name)}"
    yield from (f"features.{name}: it has two sources, one of them the profile" for name in _both(file))
    features: Any = feature_struct(contract)
    for name in sorted(sources.keys() & by_name.keys()):
        yield from (f"features.{name}: {problem}" for problem in sources[name].problems(by_name[name], features))
    for name, feature in by_name.items():
        if feature.required and name not in file.features and name not in file.from_profile:
            yield f"features.{name}: it is required and has no source; name it in from_profile if clients' profiles do"


def _both(file: MappingFile) -> list[str]:
    return sorted(file.features.keys() & set(file.from_profile))


def _suggestion(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""
