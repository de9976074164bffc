"""Service: is every request answered, how fast, and does the monitor keep up?"""

from __future__ import annotations

from monitoring.grafana.boards import Board, scorer_variable
from monitoring.grafana.monitor import MONITOR
from monitoring.grafana.panels import lines, number
from monitoring.grafana.promql import OF_SCORER, quantile, rate
from monitoring.grafana.window_panels import firing_alerts

_BATCH = "loan_scorer_batch_records"
_LEVELS = {"half": 0.5, "95 in 100": 0.95, "99 in 100": 0.99}

_OVERVIEW = (
    number("Scorers", "Scorers that answer. Red: one does not.", 'min(loan:up{job="scorer"})', alert="ScorerMissing"),
    number("Monitor", "Red: nobody watches the decisions.", 'min(loan:up{job="monitor"})', alert="MonitorMissing"),
    number(
        "Partitions owned",
        "Request partitions that have a scorer. Fewer than the topic has: requests wait.",
        'loan:partitions_assigned:sum{job="scorer"}',
        alert="RequestsWithoutScorer",
    ),
    number(
        "Requests",
        "Requests answered a second, decisions and rejections together.",
        rate("loan_scorer_requests_total" + OF_SCORER),
        unit="reqps",
        decimals=1,
    ),
    number(
        "Age at decision, 99 in 100",
        "Time from a request's time stamp to its decision, 99th percentile of five minutes.",
        "loan_scorer:event_age_seconds:p99_5m",
        unit="s",
        alert="DecisionsLate",
        decimals=3,
    ),
    number("Alerts", "Alerts that fire now.", 'count(ALERTS{alertstate="firing"}) or vector(0)'),
)

_RATE_AND_ERRORS = (
    lines(
        "Requests by scorer",
        "Requests answered a second. Even shares: the keys are spread well.",
        {"{{instance}}": rate("loan_scorer_requests_total" + OF_SCORER, "instance")},
        unit="reqps",
        width=8,
    ),
    lines(
        "Share of requests rejected",
        "Of the last 15 minutes, all scorers. The reasons are on the dashboard Decisions.",
        {"rejected": "loan_scorer:rejected_share:rate15m"},
        unit="percentunit",
        width=8,
        alert="RejectionsHigh",
    ),
    lines(
        "Faults of the scorer",
        "Requests rejected in the last 15 minutes for a bug, not for their content. The log has the traceback.",
        {"bugs": "loan_scorer:pipeline_bugs:increase15m"},
        unit="short",
        width=8,
        alert="PipelineBugs",
    ),
)

_DURATION = (
    lines(
        "Age of a request when it is decided",
        "From the record's time stamp, the producer's as a rule, to the decision. The line is the limit of the 99th.",
        {name: quantile(level, "loan_scorer_event_age_seconds") for name, level in _LEVELS.items()},
        unit="s",
        alert="DecisionsLate",
    ),
    lines(
        "Time by stage",
        "Seconds of each second that a scorer spends in a stage. The largest is what to make faster.",
        {"{{stage}}": rate("loan_scorer_stage_seconds_sum" + OF_SCORER, "stage")},
        unit="percentunit",
        stacked=True,
    ),
    lines(
        "Requests in one batch",
        "Grows under load by itself: one at a time when quiet, up to 2,048.",
        {"mean": f"{rate(_BATCH + '_sum' + OF_SCORER)} / {rate(_BATCH + '_count' + OF_SCORER)}"},
        unit="short",
    ),
    lines(
        "Batches to be repeated",
        "Batches whose commit a rebalance undid or that is in doubt: what was not committed is decided again.",
        {"batches": rate("loan_scorer_uncommitted_batches_total" + OF_SCORER)},
        unit="cps",
    ),
)

_LAG = (
    lines(
        "Waiting by partition",
        "Requests on the broker that no scorer has committed. One partition alone: a client sends most of the load.",
        {"partition {{partition}}": f"sum by (partition) (loan_scorer_consumer_lag_records{OF_SCORER})"},
        unit="short",
        width=6,
    ),
    lines(
        "Growth of the backlog",
        "Records a second by which the backlog of scorer and monitor grew over 15 minutes; below zero it shrinks.",
        {"{{job}}": "loan:consumer_lag_records:deriv15m"},
        unit="cps",
        width=6,
        alert="LagGrowing",
    ),
    lines(
        "Scorers without progress",
        "How long requests have waited at a scorer without a commit. Zero while nothing waits.",
        {"{{instance}}": 'loan:stalled_seconds{job="scorer"}'},
        unit="s",
        width=6,
        alert="ScorerStalled",
    ),
    lines(
        "Starts",
        "How often each scorer was started anew in 15 minutes. Again and again: its log and its exit status say why.",
        {"{{instance}}": "loan_scorer:starts:changes15m"},
        unit="short",
        width=6,
        alert="ScorerRestarting",
    ),
    lines(
        "Client profiles behind",
        "Since the client store last held all published profiles. Empty where the store is loaded from files.",
        {"behind": "loan_scorer:clients_behind_seconds:max"},
        unit="s",
        width=24,
        alert="ClientProfilesStale",
    ),
)

_READING = (
    lines(
        "Reading fails",
        "1: the broker does not answer, or refuses something that is to be read. /ready says which.",
        {"{{instance}}": "loan:reading_failed"},
        unit="short",
        width=6,
        alert="ReadingFailing",
    ),
    lines(
        "Partitions without outputs",
        "Partitions of requests that a topic of outputs lacks: their requests wait. stream-app topics check says more.",
        {"{{instance}}": "loan_scorer:partitions_waiting"},
        unit="short",
        width=6,
        alert="PartitionsWaiting",
    ),
    lines(
        "Loss within the last hour",
        "1: records were deleted before they were read, or a topic was made anew. The log has topic and offsets.",
        {"{{instance}}": "loan:met_loss:bool1h"},
        unit="short",
        width=6,
        alert="RecordsLost",
    ),
    lines(
        "Requests deleted unread",
        "Since each scorer started, by partition. Retention is shorter than the time without a scorer.",
        {"partition {{partition}}": f"sum by (partition) (loan_scorer_lost_records_total{OF_SCORER}) or vector(0)"},
        unit="short",
        width=6,
    ),
)

_MODEL = (
    number(
        "Model of the scorers",
        "Name and version in use. Two for long: not every scorer took the new bundle.",
        f"max by (name, version) (loan_scorer_model_info{OF_SCORER})",
        legend="{{name}} {{version}}",
        width=8,
    ),
    number(
        "Model of the monitor",
        "The bundle whose reference sample drift is measured against.",
        "max by (name, version) (loan_monitor_model_info)",
        legend="{{name}} {{version}}",
        width=8,
    ),
    number(
        "Scorers use the monitor's model",
        "1: all do. 0: one decides with another model, and drift is measured against the wrong reference.",
        "min(loan_scorer:model_is_promoted)",
        alert="ModelNotPromoted",
        width=8,
    ),
)

SERVICE = Board(
    uid="loan-service",
    title="Loans: service",
    text="Is every request answered, how fast, and does the monitor keep up?",
    rows={
        "": [*_OVERVIEW, firing_alerts()],
        "Rate and errors": _RATE_AND_ERRORS,
        "Duration": _DURATION,
        "Lag": _LAG,
        "Reading": _READING,
        "Model": _MODEL,
        "Monitor": MONITOR,
    },
    variables=[scorer_variable()],
)
