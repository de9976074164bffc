"""The whole flow over one batch: decode → enrich → score → decide → encode. **Read this first.**

The pipeline is total: every record gets exactly one output, in the records' order, whatever its bytes. What is wrong
with a record is a :class:`~stream_app.events.Rejection`; a bug of ours met on the way rejects the record it was met
on, and never its neighbours. The pipeline knows no clock, no Kafka and no metrics: the edge passes ``now`` and a
``lap`` to be told when a stage ends.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.contract import Contract
from models.policy import Policy
from models.scorer import Scorer
from stream_app.errors import StreamAppError, trace_of
from stream_app.events import Decision, LoanRequest, ModelRef, Output, PolicyRef, RawRecord, Rejection, RejectionReason
from stream_app.steps.decide import decide
from stream_app.steps.decode import Decoder
from stream_app.steps.encode import encode_decision, encode_rejection
from stream_app.steps.enrich import Enricher, ProfileLookup
from stream_app.steps.score import score

Verdict = Decision[Any] | Rejection
Lap = Callable[[str], None]
MAX_REJECTED_BYTES = 900_000  # with our headers still below what a default topic takes, whoever made it


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a batch: one verdict and one output a record, in order, and what is worth counting."""

    verdicts: list[Verdict]
    outputs: list[Output]
    unseen: Counter[str] = field(default_factory=Counter)
    bugs: list[str] = field(default_factory=list)

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.verdicts + other.verdicts,
            self.outputs + other.outputs,
            self.unseen + other.unseen,
            self.bugs + other.bugs,
        )


def _no_lap(_stage: str) -> None:
    """Nobody times this batch."""


class Pipeline:
    """The steps, wired to one model. Frozen after construction; safe to call for batch after batch."""

    def __init__(
        self,
        *,
        contract: Contract,
        scorer: Scorer,
        policy: Policy,
        model: ModelRef,
        profiles: ProfileLookup,
        max_request_bytes: int,
    ) -> None:
        self._contract = contract
        self._scorer = scorer
        self._policy = policy
        self._model = model
        self._policy_ref = PolicyRef(policy.id, policy.review_at, policy.refuse_at)
        self._decoder = Decoder(contract, max_request_bytes)
        self._enricher = Enricher(contract, profiles)

    def judge(self, records: Sequence[RawRecord], now: dt.datetime, lap: Lap = _no_lap) -> Judged:
        """One output a record. ``now`` (UTC) becomes ``decided_at``; ``lap`` hears the name of each stage as it ends.

        Raises StreamAppError when something that every record needs is away (the client store): that is no verdict
        on a record, and none is given.
        """
        try:
            return self._judge(records, now, lap)
        except (StreamAppError, MemoryError):
            raise
        except Exception as bug:  # noqa: BLE001 - total by promise: a bug costs one record, not the stream
            if len(records) == 1:
                return _reject_for(bug, records[0])
            half = len(records) // 2
            return self.judge(records[:half], now, lap) + self.judge(records[half:], now, lap)

    def _judge(self, records: Sequence[RawRecord], now: dt.datetime, lap: Lap) -> Judged:
        decoded = self._decoder.decode(records)
        verdicts: dict[int, Verdict] = {at: d for at, d in enumerate(decoded) if isinstance(d, Rejection)}
        requests: dict[int, LoanRequest[Any]] = {at: d for at, d in enumerate(decoded) if isinstance(d, LoanRequest)}
        lap("decode")
        enriched = self._enricher.enrich(list(requests.items()))
        verdicts |= enriched.rejections
        lap("enrich")
        probabilities = score(self._scorer, enriched.matrix)
        lap("score")
        decided = decide(self._policy, self._scorer, self._contract, enriched.matrix, probabilities)
        answers = zip(
            enriched.positions, probabilities.tolist(), decided.outcomes, decided.reasons, enriched.rows, strict=True
        )
        for at, probability, outcome, reasons, row in answers:
            verdicts[at] = self._decision(requests[at], now, probability, outcome, reasons, row)
        lap("decide")
        ordered = [verdicts[at] for at in range(len(records))]
        outputs = [_output(record, verdict) for record, verdict in zip(records, ordered, strict=True)]
        lap("encode")
        return Judged(ordered, outputs, Counter(enriched.unseen))

    def _decision(
        self, request: LoanRequest[Any], now: dt.datetime, probability: float, outcome: Any, reasons: Any, row: Any
    ) -> Decision[Any]:
        return Decision(
            request.request_id,
            request.client_id,
            request.requested_at,
            now,
            outcome,
            probability,
            self._policy_ref,
            self._model,
            reasons,
            self._enricher.features(row),
        )


def _output(record: RawRecord, verdict: Verdict) -> Output:
    if isinstance(verdict, Rejection):
        return encode_rejection(record, verdict, MAX_REJECTED_BYTES)
    return encode_decision(record, verdict)


def _reject_for(bug: Exception, record: RawRecord) -> Judged:
    """Reject one record for a fault of ours."""
    rejection = Rejection(RejectionReason.INTERNAL_ERROR, "The scorer failed on this record; its operators are told.")
    return Judged([rejection], [_output(record, rejection)], bugs=[trace_of(bug)])
