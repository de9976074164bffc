"""What contestants share: their options, the record type the product's pipeline reads, and that pipeline itself."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from models.bundle import load_bundle, shipped_bundle
from stream_app.clients import SQLiteClients
from stream_app.events import ModelRef
from stream_app.pipeline import Pipeline
from stream_app.steps.deduplicate import DecidedIds


class Record(msgspec.Struct, gc=False):
    """A Kafka record as the pipeline reads it, for clients whose own records have methods instead of fields."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Any
    timestamp: int


@dataclass(frozen=True)
class Options:
    """Broker, group, topics and client store of a contestant. ``fetch_wait_ms``: how long a broker may hold a fetch."""

    kafka: str
    group: str
    requests: str
    decisions: str
    clients: Path
    fetch_wait_ms: int

    @classmethod
    def parse(cls) -> Options:
        """From the command line, each field as an option of its name."""
        parser = argparse.ArgumentParser()
        for name in ("kafka", "group", "requests", "decisions"):
            parser.add_argument(f"--{name}", required=True)
        parser.add_argument("--clients", type=Path, required=True)
        parser.add_argument("--fetch-wait-ms", type=int, required=True)
        return cls(**vars(parser.parse_args()))

    def arguments(self) -> list[str]:
        """The command line :meth:`parse` reads."""
        return [f"--{name.replace('_', '-')}={value}" for name, value in vars(self).items()]


def product_pipeline(clients: Path, decided_ids: DecidedIds | None = None) -> Pipeline:
    """The pipeline of ``stream-app worker`` with the shipped bundle, on one thread; ``decided_ids``: deduplicates."""
    bundle = load_bundle(shipped_bundle())
    return Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=ModelRef(bundle.name, bundle.version, bundle.sha256),
        profiles=SQLiteClients(clients),
        max_request_bytes=65_536,
        decided_ids=decided_ids,
    )
