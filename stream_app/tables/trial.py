"""A new bundle tried in a process of its own, as a scorer will load it: its golden rows become requests.

``python -m stream_app.tables.trial DIR`` is that process.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import msgspec

from models.bundle import GOLDEN_TOLERANCE, load_bundle
from models.bundle_files import GOLDEN
from models.errors import BundleError
from models.manifest import GoldenRow
from stream_app.events import Decision, LoanRequest, Rejection, RejectionReason
from stream_app.tables.columns import Request
from stream_app.tables.score import verdicts_of


def try_in_new_process(path: Path) -> None:
    """Raise BundleError if a scorer could not load the bundle, or would not decide its golden rows as they say."""
    trial = subprocess.run(
        [sys.executable, "-m", "stream_app.tables.trial", str(path)], capture_output=True, text=True, check=False
    )
    if trial.returncode:
        last = (trial.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise BundleError(
            f"The new bundle cannot be served: {last}", kept="Nothing was written.", do_next="Please report it."
        )


def try_bundle(path: Path) -> None:
    """The trial itself, in this process."""
    bundle = load_bundle(path)
    rows = msgspec.json.Decoder(GoldenRow).decode_lines((path / GOLDEN).read_bytes())
    now = dt.datetime.now(dt.UTC)
    requests: list[Request] = [
        LoanRequest(str(number), "golden", now, {**row.features}) for number, row in enumerate(rows)
    ]
    for row, verdict in zip(rows, verdicts_of(bundle, requests, now), strict=True):
        if isinstance(verdict, Rejection) and verdict.reason is RejectionReason.MISSING_REQUIRED_FEATURE:
            continue  # some golden rows lack a value on purpose
        given = verdict.probability_of_default if isinstance(verdict, Decision) else float("nan")
        if not abs(given - row.probability_of_default) <= GOLDEN_TOLERANCE:
            what = "another probability" if isinstance(verdict, Decision) else str(verdict)
            raise BundleError(f"A golden row gets {what}.")


if __name__ == "__main__":
    try:
        try_bundle(Path(sys.argv[1]))
    except Exception as fault:  # noqa: BLE001 - whatever it is, the bundle cannot be served
        sys.exit(f"{type(fault).__name__}: {fault}")
