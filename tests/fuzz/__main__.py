"""``python -m tests.fuzz --inputs 1000000``: every target, a table, and status 1 where a rule was broken.

An input that broke one is written to ``--faults``; put into ``tests/fuzz/corpus/TARGET`` it is tried in each run.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.fuzz.run import Result
from tests.fuzz.targets import TARGETS, run_piece

PIECE = 25_000


def main() -> int:
    options = _options()
    started, names = time.monotonic(), options.target or list(TARGETS)
    print(f"seed {options.seed}")  # noqa: T201 - a report
    results = {name: Result(name) for name in names}
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(run_piece, *zip(*_pieces(names, options.inputs, options.seed), strict=True)):
            results[result.name].add(result)
    _print(results, time.monotonic() - started)
    return 1 if _write_faults(results, options.faults) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets together")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one; may be repeated")
    parser.add_argument("--seed", default=uuid.uuid4().hex[:8], help="repeats a run")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--faults", type=Path, default=Path("fuzz-faults"), help="folder for inputs that broke a rule")
    return parser.parse_args()


def _pieces(names: list[str], inputs: int, seed: str) -> Iterator[tuple[str, int, str]]:
    whole = sum(TARGETS[name][1] for name in names)
    for name in names:
        left = round(inputs * TARGETS[name][1] / whole)
        for number in itertools.count():
            if left <= 0:
                break
            yield name, min(left, PIECE), f"{seed}-{number}"
            left -= PIECE


def _print(results: dict[str, Result], seconds: float) -> None:
    rows = [
        (each.name, f"{each.inputs:,}", str(len(each.outcomes)), f"{each.seconds:.0f}", f"{each.slowest:.3f}",
         f"{each.grown_kb // 1024}", str(len(each.faults)))
        for each in results.values()
    ]  # fmt: skip
    head = ("target", "inputs", "outcomes", "seconds", "slowest s", "MiB more", "faults")
    print("".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows)), end="")  # noqa: T201
    total = sum(each.inputs for each in results.values())
    print(f"{total:,} inputs in {seconds:.0f} s")  # noqa: T201


def _write_faults(results: dict[str, Result], folder: Path) -> int:
    faults = [(each.name, fault, data) for each in results.values() for fault, data in each.faults.items()]
    for number, (name, fault, data) in enumerate(faults):
        path = folder / name.replace(" ", "-") / f"{number:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{path}: {fault}")  # noqa: T201
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
