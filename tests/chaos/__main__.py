"""The chaos suite as a program: ``python -m tests.chaos --minutes 60 --seed 7 --json chaos.json``.

A seeded mix of all faults, or with ``--plan`` one of the short plans the tests run. Ends with 0 when nothing is
missing, doubled, out of order, or otherwise than the model says, and every fault was survived; else with 1, and the
workers' logs stay where it says.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from random import Random, SystemRandom

from stream_app.broker.kafka_download import kafka_jars
from stream_app.broker.kafka_engine import find_java
from stream_app.errors import BrokerStartFailed
from tests.chaos.cluster import KafkaCluster
from tests.chaos.enclosed import enclose, why_not
from tests.chaos.network import Network
from tests.chaos.report import Report
from tests.chaos.run import Run
from tests.chaos.schedule import PLANS
from tests.chaos.stage import Options, Stage


def main() -> int:
    try:
        find_java()
        kafka_jars(say)  # fetched before the network is left behind
    except BrokerStartFailed as missing:
        say(str(missing))
        return missing.exit_status
    enclose("tests.chaos")
    given = _arguments()
    seed = given.seed if given.seed is not None else SystemRandom().randrange(1_000_000)
    say(f"seed {seed}; namespaces: {why_not() or 'yes'}")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    report = _run(given, seed, folder)
    for line in report.table():
        say(line)
    if given.json:
        given.json.write_text(json.dumps(report.to_json(), indent=2) + "\n")
    if report.good and not given.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"The workers' logs are in {folder}; again with --seed {seed}.")
    return 0 if report.good else 1


def _run(given: argparse.Namespace, seed: int, folder: Path) -> Report:
    brokers, remembers, plan = PLANS[given.plan]
    faults = (fault for fault in plan(Random(seed)) if given.only is None or given.only in fault.kind)
    remembers = remembers and not given.no_memory
    options = Options(guarantee=given.guarantee, remembers=remembers, program=given.program)
    with ExitStack() as opened:
        network = Network(brokers) if brokers > 1 and why_not() is None else None
        if network:
            opened.callback(network.close)
        cluster = opened.enter_context(KafkaCluster(brokers, folder / "cluster", network))
        cluster.wait_ready()
        stage = opened.enter_context(Stage(folder, cluster, options))
        return Run(stage, seed, say).of(faults, given.minutes * 60)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long faults go on (default: 60)")
    parser.add_argument("--seed", type=int, help="of the schedule; random, and printed, when left out")
    parser.add_argument("--json", type=Path, help="file for the report")
    parser.add_argument("--plan", choices=sorted(PLANS), default="mix", help="another plan than the endless mix")
    parser.add_argument("--keep", action="store_true", help="keep the workers' logs in any case")
    parser.add_argument("--only", metavar="TEXT", help="leave out faults whose name does not contain this")
    parser.add_argument("--no-memory", action="store_true", help="scorers that remember no request id; no repeats")
    parser.add_argument("--guarantee", choices=["exactly_once", "at_least_once"], default="exactly_once")
    parser.add_argument("--program", default=Options.program, help="module that the scorers run (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
