"""A seeded subset of the chaos suite: two runs of the program, one about workers, one about brokers and the network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.chaos.schedule import PLANS
from tests.servers.tools import NAMESPACES, lack_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.kafka,
    pytest.mark.chaos,
    pytest.mark.timeout(500),  # the first test waits for a whole run
]

SEED = 5
RUN_SECONDS = 400
SHORT = ("workers", "brokers")
KINDS = [(plan, fault.kind) for plan in SHORT for fault in PLANS[plan].faults(Random(SEED))]

Reports = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """The report of a plan by name; each is run once."""
    folder = tmp_path_factory.mktemp("reports")
    return cache(lambda plan: _run(plan, folder / f"{plan}.json"))


def _run(plan: str, file: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.chaos", "--plan", plan, "--seed", str(SEED), "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    sys.stdout.write(done.stdout + done.stderr)  # shown when a test fails
    assert file.exists(), f"no report:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.parametrize(("plan", "kind"), KINDS)
def test_a_fault_is_survived_in_the_stated_time(plan: str, kind: str, report: Reports) -> None:
    found = report(plan)["faults"].get(kind)
    assert found is not None, "a fault before it was not survived"
    if found["skipped"]:
        pytest.skip(lack_of(NAMESPACES))
    assert not found["failed"]
    assert found["worst_recovery_seconds"] <= found["limit_seconds"]


@pytest.mark.parametrize("plan", SHORT)
def test_nothing_is_missing_doubled_out_of_order_or_otherwise_than_the_model_says(plan: str, report: Reports) -> None:
    found = report(plan)
    assert found["violations"] == {}, found["examples"]
    assert found["decisions"] + found["rejections"] + found["repeats"] == found["requests"] > 1_000
