"""What Faust notes of what it handed on, made harmless."""

from __future__ import annotations

from collections import defaultdict

from faust.types import TP


class Untrimmed(defaultdict[TP, int | None]):
    """Faust's notes of what it handed on last, which it never goes below: for batch topics there are none.

    It notes a poll when its queue took it, perhaps after a seek went back behind it, and would drop what comes then.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        super().__init__(lambda: None)
        self._topics = topics

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        super().__setitem__(tp, None if tp.topic in self._topics else offset)
