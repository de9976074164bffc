"""Every target, and a run of one in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tests.fuzz import formats, parsers
from tests.fuzz.batches import record_batches
from tests.fuzz.http import http
from tests.fuzz.run import Result, run
from tests.fuzz.target import Target

TARGETS: dict[str, tuple[Callable[[], Target], float]] = {
    "record batches": (record_batches, 0.25),
    "labels": (parsers.labels, 0.18),
    "decisions": (parsers.decisions, 0.1),
    "requests": (parsers.requests, 0.16),
    "contracts": (parsers.contracts, 0.06),
    "properties": (parsers.properties, 0.008),
    "mappings": (formats.mappings, 0.06),
    "foreign records": (formats.foreign_records, 0.08),
    "avro": (formats.avro, 0.02),
    "signatures": (parsers.signatures, 0.052),
    "http": (http, 0.022),
    "bundles": (parsers.bundles, 0.008),
}
"""Each with its share of the inputs."""


def run_piece(name: str, inputs: int, seed: str) -> Result:
    """Raises nothing: what a target raised is in the result."""
    logging.disable(logging.WARNING)
    target = TARGETS[name][0]()
    try:
        return run(target, inputs, seed)
    finally:
        target.close()
