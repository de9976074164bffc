"""What a gateway could answer after the demo's four years: the JSON of ``/board`` and ``/predict``, seeded."""

from __future__ import annotations

import math
import random
from typing import Any

POLICY = {"review_at": 0.06818181818181818, "refuse_at": 0.11363636363636363}
MODEL = {"name": "sba", "version": "eee1472eed3b"}
MONTHS = [f"{year}-{month:02d}" for year in range(2005, 2009) for month in range(1, 13)]
FEATURES = [
    "amount_requested", "employees", "guaranteed_share", "is_franchise", "is_new_business", "jobs_created",
    "jobs_retained", "low_doc", "naics_sector", "revolving_line", "state", "urban_rural", "probability_of_default",
]  # fmt: skip
REJECTIONS = {"missing_field": 29, "unknown_client": 28, "out_of_range": 29, "not_json": 12, "tombstone": 3}
REASONS = [
    {"code": "AMOUNT", "feature": "amount_requested", "contribution": 0.62,
     "text": "Amount requested for a business of this profile"},
    {"code": "INDUSTRY", "feature": "naics_sector", "contribution": 0.41,
     "text": "Loan performance in the industry of the business"},
    {"code": "TIME_IN_BUSINESS", "feature": "is_new_business", "contribution": 0.18,
     "text": "Length of time in business"},
]  # fmt: skip
NO_DECISIONS = {"total": 0, "approved": 0, "review": 0, "refused": 0}


def state(**changes: Any) -> dict[str, Any]:
    """``/board/state`` after the demo."""
    usual = {
        "model": MODEL,
        "policy": POLICY,
        "clients": 74118,
        "decisions": {"total": 73747, "approved": 55864, "review": 12616, "refused": 5267},
        "rejections": REJECTIONS,
        "lag": 0,
        "operational": True,
    }
    return usual | changes


def histogram(shift: float = 0.0, n: int = 5000) -> dict[str, Any]:
    """``/board/histogram``; ``shift`` moves the decisions up the scale."""
    edges = [round(at * 0.01, 2) for at in range(31)]
    return {"edges": edges, "reference": _bell(0.035), "decisions": _bell(0.05 + shift), "n": n}


def _bell(middle: float) -> list[float]:
    heights = [
        math.exp(-(((at + 0.5) * 0.01 - middle) ** 2) / (2 * 0.035**2)) * (1 + 0.4 * math.sin(at)) for at in range(30)
    ]
    return [round(height / sum(heights), 3) for height in heights]


def decisions() -> list[dict[str, Any]]:
    """``/board/decisions``: ten, of every outcome."""
    outcomes = [
        "approved",
        "review",
        "approved",
        "refused",
        "approved",
        "approved",
        "review",
        "approved",
        "refused",
        "approved",
    ]
    probability = {"approved": 0.021, "review": 0.0814, "refused": 0.1702}
    return [
        {
            "request_id": f"request-{at}",
            "client_id": str(218908 + 7 * at),
            "requested_at": "2008-12-30T09:15:00Z",
            "decided_at": f"2026-11-23T09:15:{59 - at}Z",
            "outcome": outcome,
            "probability_of_default": probability[outcome] + at * 0.0011,
            "reasons": [] if outcome == "approved" else [reason["text"] for reason in REASONS],
        }
        for at, outcome in enumerate(outcomes)
    ]


def outcomes() -> list[dict[str, Any]]:
    """``/board/outcomes``: four years of months."""
    rng = random.Random(1)
    shares = [(0.12 + rng.random() * 0.1, 0.05 + rng.random() * 0.05) for _ in MONTHS]
    return [
        {
            "window": month,
            "approved": 1 - review - refused,
            "review": review,
            "refused": refused,
            "rows": 1500 + 10 * at,
        }
        for at, (month, (review, refused)) in enumerate(zip(MONTHS, shares, strict=True))
    ]


def drift(reports: int = 12) -> dict[str, Any]:
    """``/board/drift``: the newest ``reports`` months have a report; the first month had too few decisions."""
    rng = random.Random(2)
    ratio = [
        [None if not at else round(rng.random() * (0.5 + (row == 3) * 3 * at / 48 + (row == 9) * 6 * at / 48), 3)
         for at in range(len(MONTHS))]
        for row in range(len(FEATURES))
    ]  # fmt: skip
    return {
        "windows": MONTHS,
        "features": FEATURES,
        "ratio": ratio,
        "reports": {month: f"/reports/{month}.html" for month in MONTHS[-reports:]},
    }


def performance() -> list[dict[str, Any]]:
    """``/board/performance``: the loans go bad from 2006 on; of the last six months nothing is known yet."""
    return [_performance(at, month) for at, month in enumerate(MONTHS)]


def _performance(at: int, month: str) -> dict[str, Any]:
    row = {"window": month, "expected": 0.051 + 0.003 * math.sin(at / 3)}
    if at >= 42:
        return row | {"realised": None, "low": None, "high": None, "labelled_share": 0.0, "calibration": "unknown"}
    realised = 0.055 + 0.15 / (1 + math.exp(-(at - 22) / 4))
    ends = {"low": realised - 0.012, "high": realised + 0.014}
    verdict = "in_line" if at < 15 else "predicted_too_low" if at < 36 else "unknown"
    return row | {
        "realised": realised,
        **ends,
        "labelled_share": max(0.02, min(1.0, 1 - (at - 20) / 24)),
        "calibration": verdict,
    }


def decision(client_id: str, outcome: str) -> dict[str, Any]:
    """``/predict/{client_id}``: the decision as it is on the topic."""
    probability = {"approved": 0.0133584, "review": 0.0814, "refused": 0.1702}[outcome]
    return {
        "request_id": f"latest-{client_id}",
        "client_id": client_id,
        "requested_at": "2026-11-23T09:00:00Z",
        "decided_at": "2026-11-23T09:00:00.014Z",
        "outcome": outcome,
        "probability_of_default": probability,
        "policy": {"id": "cost-10-review-0.25", **POLICY},
        "model": {**MODEL, "sha256": "11eef46c"},
        "reasons": [] if outcome == "approved" else REASONS,
        "features": {},
    }


def problem(status: int, reason: str, detail: str, do_next: str = "") -> dict[str, Any]:
    """A problem body."""
    return {
        "status": status,
        "title": "No",
        "reason": reason,
        "detail": detail,
        "do_next": do_next,
        "type": "about:blank",
    }
