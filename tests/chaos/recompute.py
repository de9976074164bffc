"""What each request must have been answered with: the pipeline on the same bytes, outside of any stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from models.bundle import load_bundle
from stream_app.clients import open_clients
from stream_app.events import ModelRef, Output
from stream_app.pipeline import Pipeline
from stream_app.steps.deduplicate import DecidedIds
from tests.chaos.traffic import MAX_REQUEST_BYTES

Answered = Sequence[tuple[Any, Any | None]]
"""The requests of one partition in their order, each with its output, None where there is none."""

Recompute = Callable[[Answered], Iterator[Output | None]]
"""What each output should have been; None: the request repeats one that was decided, and needs none."""

CHUNK = 2_000
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # `decided_at` is left out of the comparison
NOBODYS = Output(False, None, None, [])
"""In place of what a model would have said that nobody knows."""


class Judges:
    """The pipelines of all models that were in use, by version, and the one memory of decided ids they read, if any."""

    def __init__(self, pipelines: Mapping[str, Pipeline], memory: DecidedIds | None) -> None:
        self._pipelines, self._memory = pipelines, memory

    @classmethod
    def of(cls, bundles: Iterable[Path], clients: str, remembers: bool) -> Self:
        """``remembers``: whether the scorers did; without it each repeat is decided anew."""
        memory = DecidedIds(10**9, 10**12) if remembers else None
        return cls(dict(_pipeline(folder, clients, memory) for folder in bundles), memory)

    def recompute(self, answered: Answered) -> Iterator[Output | None]:
        """Each decision is compared with the model whose version it names; anything else names none, any will do."""
        for version, some in _runs(answered, next(iter(self._pipelines))):
            yield from self._judged(self._pipelines.get(version), [request for request, _ in some])

    def _judged(self, pipeline: Pipeline | None, requests: Sequence[Any]) -> Iterable[Output | None]:
        if pipeline is None:
            return [NOBODYS] * len(requests)
        judged = pipeline.judge(requests, NOW)
        if self._memory is not None:
            self._memory.remember(judged.decided, NOW)
        return judged.outputs


def _runs(answered: Answered, first: str) -> Iterator[tuple[str, list[tuple[Any, Any]]]]:
    """Consecutive requests that one model answered, at most ``CHUNK`` of them."""
    version = first
    run: list[tuple[Any, Any]] = []
    for request, output in answered:
        named = _version(output) or version
        if run and (named != version or len(run) == CHUNK):
            yield version, run
            run = []
        version = named
        run.append((request, output))
    if run:
        yield version, run


def _pipeline(folder: Path, clients: str, memory: DecidedIds | None) -> tuple[str, Pipeline]:
    """Version of a bundle and the pipeline that a worker with it has."""
    bundle = load_bundle(folder)
    model = ModelRef(bundle.name, bundle.version, bundle.sha256)
    judged_by = Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=model,
        profiles=open_clients(clients),
        max_request_bytes=MAX_REQUEST_BYTES,
        decided_ids=memory,
    )
    return bundle.version, judged_by


def same(record: Any, rejected: bool, expected: Output) -> bool:
    """Whether a record is this output, whenever it was decided."""
    if expected.rejected != rejected:
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


def _version(output: Any | None) -> str:
    if output is None or any(name == "rejection-reason" for name, _ in output.headers):
        return ""
    try:
        return _decode(output.value or b"").model.version
    except msgspec.DecodeError:
        return ""
