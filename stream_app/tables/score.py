"""Requests of a file scored as the stream does it: by the same pipeline, without a broker."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.bundle import Bundle
from models.contract import Contract
from stream_app.events import Decision, LoanRequest, ModelRef, Rejection, Value
from stream_app.formats.json_format import JSON
from stream_app.pipeline import Pipeline, Verdict
from stream_app.private_files import create_private
from stream_app.tables.columns import FeatureObject, Request
from stream_app.tables.foreign import MAX_RECORD_BYTES

BATCH_ROWS = 1_000


class _NoProfiles:
    """A file says all that is known."""

    def get_many(self, _client_ids: Iterable[str]) -> Mapping[str, bytes]:
        return {}


def verdicts_of(bundle: Bundle, requests: Sequence[Request], now: dt.datetime) -> Iterator[Verdict]:
    """One verdict a request, in order; a feature that a request does not name is missing."""
    pipeline = Pipeline(
        contract=bundle.contract,
        scorer=bundle.scorer,
        policy=bundle.policy,
        model=ModelRef(bundle.name, bundle.version, bundle.sha256),
        profiles=_NoProfiles(),
        max_request_bytes=MAX_RECORD_BYTES,
    )
    missing: FeatureObject = dict.fromkeys(bundle.contract.names())
    for start in range(0, len(requests), BATCH_ROWS):
        batch = [_line(request, missing) for request in requests[start : start + BATCH_ROWS]]
        yield from pipeline.judge(batch, now).verdicts


def _line(request: Request, missing: FeatureObject) -> Value:
    complete = LoanRequest(
        request.request_id, request.client_id, request.requested_at, {**missing, **(request.features or {})}
    )
    return Value(request.client_id.encode(), JSON.encode(complete))


HEADER = ("request_id", "client_id", "probability_of_default", "decision", "reasons", "outliers", "rejection")


@dataclass(frozen=True)
class Totals:
    """What became of the rows. ``outliers``: by feature, the values beyond the range of the training rows."""

    rows: int
    decided: int
    outliers: Counter[str]


def write_verdicts(out: Path, bundle: Bundle, requests: Sequence[Request], now: dt.datetime) -> Totals:
    """One line of CSV a request. Raises OSError."""
    outliers: Counter[str] = Counter()
    decided = 0
    create_private(out)
    with out.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(HEADER)
        for request, verdict in zip(requests, verdicts_of(bundle, requests, now), strict=True):
            outside = _outliers(verdict, bundle.contract)
            outliers.update(outside)
            decided += isinstance(verdict, Decision)
            lines.writerow(
                [request.request_id, request.client_id, *_cells(verdict), " ".join(outside), _fault(verdict)]
            )
    return Totals(len(requests), decided, outliers)


def _cells(verdict: Verdict) -> tuple[str, str, str]:
    if not isinstance(verdict, Decision):
        return "", "", ""
    codes = " ".join(reason.code for reason in verdict.reasons)
    return repr(verdict.probability_of_default), verdict.outcome, codes


def _fault(verdict: Verdict) -> str:
    if isinstance(verdict, Rejection):
        return f"{verdict.reason}: {verdict.message}"
    return "" if isinstance(verdict, Decision) else "repeats an earlier row"


def _outliers(verdict: Verdict, contract: Contract) -> list[str]:
    if not isinstance(verdict, Decision):
        return []
    values = zip(contract.features, msgspec.structs.astuple(verdict.features), strict=True)
    return [feature.name for feature, value in values if feature.is_outlier(value)]
