"""A short run of every fuzz target, and every input that was a fault once; `make fuzz` runs a million."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.run import run
from tests.fuzz.target import Target, corpus
from tests.fuzz.targets import TARGETS

INPUTS = 20_000


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    made = TARGETS[request.param][0]()
    yield made
    made.close()


@pytest.mark.parametrize("target", TARGETS, indirect=True)
def test_no_odd_input_breaks_a_rule(target: Target) -> None:
    result = run(target, round(INPUTS * TARGETS[target.name][1]), seed="gate")
    assert result.faults == {}
    assert len(result.outcomes) > 1


@pytest.mark.parametrize("target", TARGETS, indirect=True)
def test_what_was_a_fault_once_is_none_now(target: Target) -> None:
    for data in corpus(target.name.replace(" ", "-")):
        target.try_one(data)
