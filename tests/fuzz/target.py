"""A target: where its inputs come from, and what becomes of one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

Spoil = Callable[[random.Random, bytes, Sequence[bytes]], bytes]
MAX_SEEDS = 2_000


class Fault(AssertionError):
    """The target broke a rule; the text says which."""


@dataclass
class Target:
    """``run``: an input to its outcome, in few words; whatever it raises is a fault.

    An input with an outcome that no other had becomes a seed itself, so that changes add up.
    """

    name: str
    run: Callable[[bytes], str]
    seeds: list[bytes]
    spoil: Spoil
    close: Callable[[], None] = lambda: None
    outcomes: dict[str, int] = field(default_factory=dict)

    def make(self, rng: random.Random) -> bytes:
        return self.spoil(rng, rng.choice(self.seeds), self.seeds)

    def try_one(self, data: bytes) -> None:
        outcome = self.run(data)
        if outcome not in self.outcomes and len(self.seeds) < MAX_SEEDS:
            self.seeds.append(data)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


def corpus(name: str) -> list[bytes]:
    """The committed inputs of a target: those that were faults once."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def demand(holds: bool, rule: str) -> None:
    """Raises Fault."""
    if not holds:
        raise Fault(rule)
