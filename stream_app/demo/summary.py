"""What the demo says at its end: the accounts in words, the same as JSON, and the model against the truth by year."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from stream_app.demo.drift_summary import first_drifts, first_off
from stream_app.demo.reconciliation import Account, Answer, Latency
from stream_app.drift_events import DriftEvent
from stream_app.errors import DemoFailed, InputFileError
from stream_app.tables.messages import DECISION

Line = tuple[str, str]
"""What it is, and how much."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts as ``--summary`` writes them. ``rejections`` is their number, latency is from send to read.

    ``outcomes``: how many were sent. What the monitor saw follows, null without it: how many windows it closed and
    called drifted, the first window in which each feature drifted, and the first whose calibration was off.
    """

    requests: int
    decisions: int
    rejections: int
    missing: int
    duplicates: int
    decisions_per_second: float
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    approved: int
    review: int
    refused: int
    seconds: float
    outcomes: int
    windows: int | None
    windows_drifted: int | None
    drifted_features: dict[str, str] | None
    calibration_off_since: str | None

    @classmethod
    def of(cls, account: Account, outcomes: int, windows: Sequence[DriftEvent] | None) -> Summary:
        """The figures of an account, rounded for people, and of the monitor's windows."""
        return cls(
            requests=account.requests,
            decisions=account.decisions,
            rejections=account.rejections.total(),
            missing=account.missing,
            duplicates=account.duplicates,
            decisions_per_second=round(account.decisions_per_second, 1),
            latency_p50_ms=_rounded(account.latency.p50_ms),
            latency_p99_ms=_rounded(account.latency.p99_ms),
            approved=account.outcomes["approved"],
            review=account.outcomes["review"],
            refused=account.outcomes["refused"],
            seconds=round(account.seconds, 3),
            outcomes=outcomes,
            windows=None if windows is None else len(windows),
            windows_drifted=None if windows is None else sum(each.verdict == "drifted" for each in windows),
            drifted_features=None if windows is None else first_drifts(windows),
            calibration_off_since=first_off(windows or ()),
        )

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all. Raises InputFileError when the file cannot be written."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_bytes(text)
            beside.replace(path)
        except OSError as fault:
            beside.unlink(missing_ok=True)
            raise InputFileError(f"Cannot write the summary to {path} ({fault.strerror}).") from fault


def require_writable(path: Path) -> None:
    """Raises InputFileError unless a summary can be written to ``path``: better now than after the replay."""
    if not os.access(path.parent, os.W_OK):
        raise InputFileError(
            f"The summary cannot be written: {path.parent} is no folder, or not one to write to.",
            do_next="Name a file in another folder. Nothing was started.",
        )


class YearOfDecisions(msgspec.Struct, frozen=True):
    """Decisions on one year's applications: mean predicted and observed share of defaults, 0..1."""

    year: int
    decisions: int
    predicted: float
    observed: float


def by_year(
    answers: Sequence[tuple[int, Answer]], years: Sequence[int], defaulted: Sequence[int]
) -> list[YearOfDecisions]:
    """The decisions among ``answers`` (index, answer) by ``years[index]``, against the truth ``defaulted[index]``."""
    found: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for index, answer in answers:
        if answer.kind == DECISION:
            found[years[index]].append((answer.probability_of_default, defaulted[index]))
    return [
        YearOfDecisions(
            year, len(pairs), sum(p for p, _ in pairs) / len(pairs), sum(truth for _, truth in pairs) / len(pairs)
        )
        for year, pairs in sorted(found.items())
    ]


def account_lines(account: Account) -> list[Line]:
    """The accounts for people, in reading order."""
    outcomes = ", ".join(f"{account.outcomes[name]:,} {name}" for name in ("approved", "review", "refused"))
    return [
        ("requests", f"{account.requests:,}"),
        ("decisions", f"{account.decisions:,}: {outcomes}"),
        ("rejections", f"{account.rejections.total():,}"),
        *((f"  {reason}", f"{count:,}") for reason, count in sorted(account.rejections.items())),
        ("missing", f"{account.missing:,}"),
        ("duplicates", f"{account.duplicates:,}"),
        *((f"  {want} expected", f"{count:,} got: {got}") for (want, got), count in account.unexpected.items()),
        ("throughput", f"{account.decisions_per_second:,.0f} decisions/s over {account.seconds:.1f} s"),
        ("latency", f"{latency_text(account.latency)}, from send to read"),
    ]


def year_lines(years: Sequence[YearOfDecisions]) -> list[Line]:
    """The model against the truth."""
    return [
        (str(y.year), f"{y.predicted:.1%} predicted, {y.observed:.1%} observed, {y.decisions:,} loans") for y in years
    ]


def latency_text(latency: Latency) -> str:
    """``p50 12 ms, p99 34 ms``, with dashes before the first answer."""
    return f"p50 {_milliseconds(latency.p50_ms)}, p99 {_milliseconds(latency.p99_ms)}"


def verdict(account: Account) -> str:
    """One sentence: did every request get what it should?"""
    if account.is_complete:
        return f"Every one of the {account.requests:,} requests has exactly one output, of the expected kind."
    wrong = {"missing": account.missing, "doubled": account.duplicates, "not as expected": account.unexpected.total()}
    return f"Of {account.requests:,} requests, " + ", ".join(f"{n:,} {what}" for what, n in wrong.items() if n) + "."


def require_complete(account: Account) -> None:
    """Raises DemoFailed unless every request has exactly one output, of the expected kind."""
    if not account.is_complete:
        raise DemoFailed(
            verdict(account),
            kept="The summary above is complete.",
            do_next="Run it again; if it repeats, the scorer's promise is broken and that is a bug to report.",
        )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"
