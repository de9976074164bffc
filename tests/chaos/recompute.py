"""What each request must have been answered with: the pipeline on the same bytes, outside of any stream."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from models.bundle import load_bundle
from stream_app.clients import open_clients
from stream_app.events import ModelRef, Output
from stream_app.pipeline import Pipeline
from tests.chaos.traffic import MAX_REQUEST_BYTES

Answered = Sequence[tuple[Any, Any]]
"""Requests with their outputs."""

Recompute = Callable[[Answered], Iterator[tuple[Any, Output | None]]]
"""Outputs with what they should have been; None: made by a model nobody knows."""

CHUNK = 2_000
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # `decided_at` is left out of the comparison


def pipeline(bundle_folder: Path, clients: str) -> tuple[str, Pipeline]:
    """Version of a bundle and the pipeline that a worker with it has."""
    bundle = load_bundle(bundle_folder)
    model = ModelRef(bundle.name, bundle.version, bundle.sha256)
    judged_by = Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=model,
        profiles=open_clients(clients),
        max_request_bytes=MAX_REQUEST_BYTES,
    )
    return bundle.version, judged_by


def recomputed(pipelines: Mapping[str, Pipeline]) -> Recompute:
    """Each output is compared with the model whose version it names; a rejection names none, any will do."""

    def recompute(answered: Answered) -> Iterator[tuple[Any, Output | None]]:
        by_version: dict[str, list[tuple[Any, Any]]] = defaultdict(list)
        for request, output in answered:
            by_version[_version(output)].append((request, output))
        for version, some in by_version.items():
            yield from _judged(pipelines.get(version or next(iter(pipelines))), some)

    return recompute


def _judged(judge: Pipeline | None, answered: Answered) -> Iterator[tuple[Any, Output | None]]:
    rest = iter(answered)
    while chunk := list(islice(rest, CHUNK)):
        requests, outputs = zip(*chunk, strict=True)
        expected: Sequence[Output | None]
        expected = judge.judge(requests, NOW).outputs if judge is not None else [None] * len(chunk)
        yield from zip(outputs, expected, strict=True)


def same(record: Any, rejected: bool, expected: Output | None) -> bool:
    """Whether a record is this output, whenever it was decided."""
    if expected is None or expected.rejected != rejected:
        return False
    same_envelope = (record.key, list(record.headers)) == (expected.key, expected.headers)
    return same_envelope and (record.value == expected.value or _timeless(record.value) == _timeless(expected.value))


def _timeless(value: bytes | None) -> Any:
    """A decision without its time; bytes that are no decision as they are."""
    try:
        document = msgspec.json.decode(value or b"")
    except msgspec.DecodeError:
        return value
    return {**document, "decided_at": None} if isinstance(document, dict) and "decided_at" in document else value


class _Model(msgspec.Struct):
    version: str


class _Decision(msgspec.Struct):
    model: _Model


_decode = msgspec.json.Decoder(_Decision).decode


def _version(output: Any) -> str:
    if any(name == "rejection-reason" for name, _ in output.headers):
        return ""
    try:
        return _decode(output.value or b"").model.version
    except msgspec.DecodeError:
        return ""
