"""What the processes that compute read from: the decision store and the bundle, opened once a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from models.bundle import Bundle, load_bundle
from monitoring.statistics.distributions import Reference
from monitoring.statistics.reference import read_reference
from monitoring.store import DecisionStore


@dataclass(frozen=True)
class Judge:
    """A bundle and its reference sample, ready for comparisons."""

    bundle: Bundle
    reference: Reference


@lru_cache(maxsize=1)
def store_at(url: str) -> DecisionStore:
    """The decision store, for reading. Raises StoreError when there is none."""
    return DecisionStore.open(url, read_only=True)


@lru_cache(maxsize=1)
def judge_at(bundle_path: Path) -> Judge:
    """The bundle in this folder; a second or two at the first time. Raises BundleError."""
    bundle = load_bundle(bundle_path)
    return Judge(bundle, read_reference(bundle))
