"""The whole flow over one batch: decode → once → enrich → score → decide → encode. **Read this first.**

The pipeline is total: every record gets exactly one verdict, in the records' order, whatever its bytes. What is wrong
with a record is a :class:`~stream_app.events.Rejection`; a bug of ours met on the way rejects the record it was met
on, and never its neighbours. Each verdict has an output, save that a request whose id was decided before, with the
same content, is a :class:`~stream_app.steps.deduplicate.Repeat` and has none.

The pipeline knows no clock, no Kafka and no metrics: the edge passes ``now`` and a ``lap`` to be told when a stage
ends. It reads the memory of decided ids and never writes it: a batch may be judged again, and what is decided counts
only once the edge remembers it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.contract import Contract
from models.policy import Policy
from models.scorer import Scorer
from stream_app.errors import StreamAppError, trace_of
from stream_app.events import Decision, LoanRequest, ModelRef, Output, PolicyRef, RawRecord, Rejection, RejectionReason
from stream_app.steps.decide import decide
from stream_app.steps.decided import Decided, Key, digest_of
from stream_app.steps.decode import Decoder
from stream_app.steps.deduplicate import Once, Repeat, Sifted, sift
from stream_app.steps.encode import encode_decision, encode_rejection
from stream_app.steps.enrich import Enricher, ProfileLookup
from stream_app.steps.score import score

Verdict = Decision[Any] | Rejection | Repeat
Lap = Callable[[str], None]
Digests = Mapping[Key, bytes]
MAX_REJECTED_BYTES = 900_000  # with our headers still below what a default topic takes, whoever made it


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a batch: a verdict and an output a record, in order (None for a repeat); what is worth counting.

    ``decided``: the ids that got a decision, and the digests of their requests.
    """

    verdicts: list[Verdict]
    outputs: list[Output | None]
    decided: dict[Key, bytes] = field(default_factory=dict)
    unseen: Counter[str] = field(default_factory=Counter)
    bugs: list[str] = field(default_factory=list)

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.verdicts + other.verdicts,
            self.outputs + other.outputs,
            self.decided | other.decided,
            self.unseen + other.unseen,
            self.bugs + other.bugs,
        )


_NOTHING: Digests = {}


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
        decided: Decided | None = None,
    ) -> None:
        """``decided``: the memory of decided ids; None decides every request, whatever was decided before."""
        self._contract = contract
        self._scorer = scorer
        self._policy = policy
        self._model = model
        self._policy_ref = PolicyRef(policy.id, policy.review_at, policy.refuse_at)
        self._decoder = Decoder(contract, max_request_bytes)
        self._enricher = Enricher(contract, profiles)
        self._decided = decided

    def judge(
        self, records: Sequence[RawRecord], now: dt.datetime, lap: Lap = _no_lap, earlier: Digests = _NOTHING
    ) -> Judged:
        """One verdict a record. ``now`` (UTC) becomes ``decided_at``; ``lap`` hears the name of each stage as it ends.

        ``earlier``: what :attr:`Judged.decided` says of batches before this one that are not yet remembered. Raises
        StreamAppError when something that every record needs is away (the client store): that is no verdict on a
        record, and none is given.
        """
        try:
            return self._judge(records, now, lap, earlier)
        except (StreamAppError, MemoryError):
            raise
        except Exception as bug:  # noqa: BLE001 - total by promise: a bug costs one record, not the stream
            if len(records) == 1:
                return _reject_for(bug, records[0])
            half = len(records) // 2
            first = self.judge(records[:half], now, lap, earlier)
            return first + self.judge(records[half:], now, lap, {**earlier, **first.decided})

    def _judge(self, records: Sequence[RawRecord], now: dt.datetime, lap: Lap, earlier: Digests) -> Judged:
        verdicts: dict[int, Verdict] = {}
        requests: dict[int, Once] = {}
        for at, decoded in enumerate(self._decoder.decode(records)):
            if isinstance(decoded, Rejection):
                verdicts[at] = decoded
            else:
                requests[at] = Once((records[at].partition, decoded.request_id), decoded, digest_of(decoded))
        lap("decode")
        made: dict[Key, bytes] = {}
        unseen: Counter[str] = Counter()
        while True:  # once, unless an id is in the batch twice
            sifted = self._sift(requests, {**earlier, **made}, now)
            verdicts |= sifted.answered
            unseen += self._answer(sifted.fresh, verdicts, now, lap)
            made |= {of.key: of.digest for at, of in sifted.fresh.items() if isinstance(verdicts[at], Decision)}
            if not (requests := sifted.later):
                break
        ordered = [verdicts[at] for at in range(len(records))]
        outputs = [_output(record, verdict, made) for record, verdict in zip(records, ordered, strict=True)]
        lap("encode")
        return Judged(ordered, outputs, made, unseen)

    def _sift(self, requests: Mapping[int, Once], earlier: Digests, now: dt.datetime) -> Sifted:
        return Sifted(fresh=dict(requests)) if self._decided is None else sift(requests, self._decided, earlier, now)

    def _answer(
        self, fresh: Mapping[int, Once], verdicts: dict[int, Verdict], now: dt.datetime, lap: Lap
    ) -> Counter[str]:
        """Add the verdicts on these requests; gives the unseen categories by feature."""
        enriched = self._enricher.enrich([(at, each.request) for at, each in fresh.items()])
        verdicts |= enriched.rejections
        lap("enrich")
        probabilities = score(self._scorer, enriched.matrix)
        lap("score")
        decided = decide(self._policy, self._scorer, self._contract, enriched.matrix, probabilities)
        answers = zip(
            enriched.positions, probabilities.tolist(), decided.outcomes, decided.reasons, enriched.rows, strict=True
        )
        for at, probability, outcome, reasons, row in answers:
            verdicts[at] = self._decision(fresh[at].request, now, probability, outcome, reasons, row)
        lap("decide")
        return Counter(enriched.unseen)

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


def _output(record: RawRecord, verdict: Verdict, digests: Digests) -> Output | None:
    if isinstance(verdict, Decision):
        return encode_decision(record, verdict, digests[record.partition, verdict.request_id])
    return None if isinstance(verdict, Repeat) else encode_rejection(record, verdict, MAX_REJECTED_BYTES)


def _reject_for(bug: Exception, record: RawRecord) -> Judged:
    """Reject one record for a fault of ours."""
    rejection = Rejection(RejectionReason.INTERNAL_ERROR, "The scorer failed on this record; its operators are told.")
    return Judged([rejection], [encode_rejection(record, rejection, MAX_REJECTED_BYTES)], bugs=[trace_of(bug)])
