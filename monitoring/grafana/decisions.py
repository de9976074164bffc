"""Decisions: who is approved, at which probability of default, and why others are not."""

from __future__ import annotations

from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.grafana.boards import Board, scorer_variable
from monitoring.grafana.panels import OUTCOME_COLOURS, bars_now, lines, share, spread
from monitoring.grafana.promql import OF_SCORER, rate

_DECISIONS = "loan_scorer_decisions_total"
_PROBABILITY = "loan_scorer_probability_of_default"


def _recent(series: str) -> str:
    """Events a second of the last 15 minutes, as the approved share has them."""
    return f"sum(rate({series}[15m]))"


def _part(outcome: str) -> str:
    decisions = f'{_DECISIONS}{{outcome="{outcome}"}}'
    return f"{_recent(decisions)} / ({_recent(_DECISIONS)} > 0)"


_OVERVIEW = (
    share(
        "Approved",
        "Share of the decisions of the last 15 minutes, all scorers.",
        "loan_scorer:approved_share:rate15m",
    ),
    share(
        "In review",
        "Share of the decisions of the last 15 minutes that a person looks at.",
        _part("review"),
    ),
    share(
        "Refused",
        "Share of the decisions of the last 15 minutes that are refusals.",
        _part("refused"),
    ),
    share(
        "Jump of the approvals",
        "Distance between the approved shares of the last 15 minutes and of the last day, in points.",
        "loan_scorer:approved_share:jump15m",
        alert="ApprovalRateJump",
    ),
    share(
        "Rejected",
        "Share of the requests of the last 15 minutes that got no decision.",
        "loan_scorer:rejected_share:rate15m",
        alert="RejectionsHigh",
        decimals=2,
    ),
    share(
        "Mean probability of default",
        "Of the decisions of the last 15 minutes; higher is riskier.",
        f"{_recent(_PROBABILITY + '_sum')} / ({_recent(_PROBABILITY + '_count')} > 0)",
        decimals=2,
    ),
)

_OUTCOMES = (
    lines(
        "Decisions by outcome",
        "Decisions a second.",
        {"{{outcome}}": rate(_DECISIONS + OF_SCORER, "outcome")},
        unit="reqps",
        stacked=True,
        colours=OUTCOME_COLOURS,
    ),
    lines(
        "Approved share",
        "Of the last 15 minutes and of the last day. They part when model, policy or applicants change.",
        {
            "last 15 minutes": "loan_scorer:approved_share:rate15m",
            "last day": "loan_scorer:approved_share:rate1d",
        },
        unit="percentunit",
        width=6,
    ),
    lines(
        "Jump of the approvals",
        "The distance between the two, in points; the line is the alert's limit.",
        {"points": "loan_scorer:approved_share:jump15m"},
        unit="percentunit",
        width=6,
        alert="ApprovalRateJump",
    ),
)

_SCORES = (
    spread(
        "Probability of default over time",
        "How the decided requests spread over the probability of default; higher is riskier.",
        f"sum by (le) (increase({_PROBABILITY}_bucket{OF_SCORER}[$__rate_interval]))",
        axis_unit="percentunit",
    ),
    bars_now(
        "Probability of default, the time range as a whole",
        "Decisions by the probability of default given, each bar up to the bound beside it.",
        f"sum by (le) (increase({_PROBABILITY}_bucket{OF_SCORER}[$__range]))",
        unit="short",
        legend="{{le}}",
        width=12,
        format=PromQueryFormat.HEATMAP,
    ),
)

_REASONS = (
    lines(
        "Reasons given",
        "Principal reasons of the decisions that were not approvals, a second, at most four each.",
        {"{{code}}": f"topk(12, {rate('loan_scorer_reasons_total' + OF_SCORER, 'code')})"},
        unit="cps",
    ),
    lines(
        "Rejections by reason",
        "Requests that got no decision, by what was wrong with them. They are on loan.rejections, unchanged.",
        {"{{reason}}": rate("loan_scorer_rejections_total" + OF_SCORER, "reason")},
        unit="reqps",
        stacked=True,
    ),
    lines(
        "Categories the model never saw",
        "They are scored as missing. Many of one feature: its producer changed its codes.",
        {"{{feature}}": rate("loan_scorer_unseen_categories_total" + OF_SCORER, "feature")},
        unit="cps",
        width=24,
    ),
)

DECISIONS = Board(
    uid="loan-decisions",
    title="Loans: decisions",
    text="Who is approved, at which probability of default, and why others are not.",
    rows={"": _OVERVIEW, "Outcomes": _OUTCOMES, "Scores": _SCORES, "Reasons and rejections": _REASONS},
    variables=[scorer_variable()],
)
