"""The oracle can fail: scorers with one mistake each are caught by the fault that brings it to light.

None of them remembers decided ids, which would cover a doubled decision up. The same faults leave no trace on the
scorer as it is, likewise without its memory: see the plan *workers*.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.cluster import KafkaCluster
from tests.chaos.fault import Fault
from tests.chaos.input_faults import SmallOutputs
from tests.chaos.late_requests import HELD
from tests.chaos.mutants import BETWEEN_COMMITS, OFFSET_READ
from tests.chaos.oracle import Kind
from tests.chaos.run import Run
from tests.chaos.stage import Options, Stage
from tests.chaos.worker_faults import KillAt, LateCommit, LateEnd, LateRequest, Zombie

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.kafka, pytest.mark.chaos]

MUTANTS: list[tuple[str, list[Fault], Kind]] = [
    ("unawaited", [SmallOutputs(2.0)], Kind.MISSING),
    ("trusting", [Zombie("before-commit")], Kind.DOUBLED_SOURCE),
    ("asks-again", [LateEnd()], Kind.DOUBLED_SOURCE),
    ("forgives", [LateRequest("Produce", HELD)] * 3, Kind.MISSING),
    ("reads-first", [LateCommit(OFFSET_READ)] * 2, Kind.DOUBLED_SOURCE),
    ("offsets-before", [KillAt(BETWEEN_COMMITS)], Kind.MISSING),
    ("offsets-after", [KillAt(BETWEEN_COMMITS)], Kind.DOUBLED_SOURCE),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with KafkaCluster(1, tmp_path_factory.mktemp("cluster")) as made:
        made.wait_ready()
        yield made


@pytest.mark.parametrize(("mutant", "faults", "kind"), MUTANTS, ids=[name for name, _, _ in MUTANTS])
def test_a_scorer_with_one_mistake_is_caught(
    mutant: str, faults: list[Fault], kind: Kind, cluster: KafkaCluster, tmp_path: Path
) -> None:
    options = Options(remembers=False, program=f"tests.chaos.mutants {mutant}", patience_seconds=60.0)
    with Stage(tmp_path / "stage", cluster, options) as stage:
        report = Run(stage, seed=1, say=print).of(faults)
    assert report.schedule, "it never came as far as the fault"
    assert report.violations.get(kind.value, 0) > 0
    assert Kind.UNCOMMITTED.value not in report.violations, "what is missing may only be late"
