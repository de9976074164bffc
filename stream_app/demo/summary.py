"""What the demo prints at its end: the accounts in words, the same as JSON, and predicted against observed defaults."""

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
"""A name and its value."""

TOO_LOW = 1.4
"""Observed over predicted defaults above which the monitor, too, calls a prediction too low."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts as ``--summary`` writes them. ``rejections`` is their number, latency is from send to read.

    ``outcomes``: how many labels were sent. ``secured``: whether every client proved who it is over an encrypted
    connection; ``security_protocol`` is Kafka's name of it. What the monitor saw follows, null without it: how many
    windows it closed and called drifted, the first window in which each feature drifted, and the first whose
    calibration was off.
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
    secured: bool
    security_protocol: str
    windows: int | None
    windows_drifted: int | None
    drifted_features: dict[str, str] | None
    calibration_off_since: str | None

    @classmethod
    def of(
        cls, account: Account, labels: int, windows: Sequence[DriftEvent] | None, security_protocol: str = "PLAINTEXT"
    ) -> Summary:
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
            outcomes=labels,
            secured=security_protocol == "SASL_SSL",
            security_protocol=security_protocol,
            windows=None if windows is None else len(windows),
            windows_drifted=None if windows is None else sum(event.verdict == "drifted" for event in windows),
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
    """The decisions among ``answers`` (index, answer) by ``years[index]``, against the label ``defaulted[index]``."""
    pairs: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for index, answer in answers:
        if answer.kind == DECISION:
            pairs[years[index]].append((answer.probability_of_default, defaulted[index]))
    return [
        YearOfDecisions(year, len(predicted), sum(predicted) / len(predicted), sum(labels) / len(labels))
        for year, (predicted, labels) in sorted(
            (year, tuple(zip(*of_year, strict=True))) for year, of_year in pairs.items()
        )
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
        *((f"  {wanted} expected", f"{count:,} got: {got}") for (wanted, got), count in account.unexpected.items()),
        ("throughput", f"{account.decisions_per_second:,.0f} decisions/s over {account.seconds:.1f} s"),
        ("latency", f"{latency_text(account.latency)}, from send to read"),
    ]


def year_lines(years: Sequence[YearOfDecisions]) -> list[Line]:
    """Predicted and observed defaults, a line a year."""
    return [
        (str(year.year), f"{year.predicted:.1%} predicted, {year.observed:.1%} observed, {year.decisions:,} loans")
        for year in years
    ]


def year_conclusion(years: Sequence[YearOfDecisions]) -> str:
    """What these years show, for people."""
    if off := [year for year in years if year.observed > TOO_LOW * year.predicted]:
        named = ", ".join(f"{year.year} {year.observed / year.predicted:.1f} times as many" for year in off)
        return f"More loans defaulted than predicted: {named}. The model was trained on loans of 2001-2004."
    return "In no year did clearly more loans default than predicted."


def latency_text(latency: Latency) -> str:
    """``p50 12 ms, p99 34 ms``, with dashes before the first answer."""
    return f"p50 {_milliseconds(latency.p50_ms)}, p99 {_milliseconds(latency.p99_ms)}"


def verdict(account: Account) -> str:
    """One sentence: did every request get what it should?"""
    if account.is_complete:
        return f"Every one of the {account.requests:,} requests has exactly one output, of the expected kind."
    wrong = {"missing": account.missing, "doubled": account.duplicates, "not as expected": account.unexpected.total()}
    return (
        f"Of {account.requests:,} requests, "
        + ", ".join(f"{count:,} {what}" for what, count in wrong.items() if count)
        + "."
    )


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
