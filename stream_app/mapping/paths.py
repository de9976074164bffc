"""Paths into a foreign document: ``applicant.incomes[0].amount``, or a list of its steps where a key has dots."""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET

from stream_app.events import Fault, RejectionReason

Steps = tuple[str | int, ...]
"""Keys of objects and positions in lists, from the outside in."""

_STEP = re.compile(r"(?P<key>[^.\[\]]+)(?P<positions>(?:\[[0-9]{1,4}\])*)")


class DoesNotFit(Exception):
    """A value that does not fit the mapping; ``why`` names what was expected, never the value."""

    def __init__(self, reason: RejectionReason, why: str) -> None:
        super().__init__(why)
        self.reason, self.why = reason, why

    def fault(self, path: str, field: str) -> Fault:
        """For the value at this path of the document, of which a field of the contract is made."""
        return Fault(self.reason, f"`{path}` {self.why}", field)


def parse_path(path: str | list[str | int]) -> Steps:
    """The steps of a path. Raises ValueError if it is none."""
    if isinstance(path, list):
        if not path or not all(step != "" for step in path):
            raise ValueError("a path needs keys")
        return tuple(path)
    steps: list[str | int] = []
    for part in path.split("."):
        if not (match := _STEP.fullmatch(part)):
            raise ValueError(f"{path!r} is no path such as applicant.incomes[0].amount")
        steps.append(match["key"])
        steps += [int(position) for position in re.findall(r"[0-9]+", match["positions"])]
    return tuple(steps)


def shown(steps: Steps) -> str:
    """The path as text."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def value_at(document: Any, steps: Steps) -> Any:
    """What is there; UNSET for nothing, and None where a null is on the way. Raises DoesNotFit."""
    value = document
    for step in steps:
        if value is None or value is UNSET:
            return value
        if isinstance(step, str):
            if not isinstance(value, dict):
                raise DoesNotFit(RejectionReason.WRONG_TYPE, "leads through something that is no object")
            value = value.get(step, UNSET)
        else:
            if not isinstance(value, list):
                raise DoesNotFit(RejectionReason.WRONG_TYPE, "leads through something that is no list")
            value = value[step] if step < len(value) else UNSET
    return value
