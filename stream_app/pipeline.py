"""The whole flow of a batch: decode → enrich → deduplicate → score → decide → encode. **Read this first.**

1. *decode* the bytes of each record to a loan request;
2. *enrich* the requests from client profiles, looked up once for the whole batch;
3. *deduplicate*: what was decided before under the same request id is not decided again;
4. *score* the rest in one call of the model: probabilities of default;
5. *decide* by the policy's cut-offs, with reasons where a request is not approved;
6. *encode* decisions and rejections as records to publish.

Every record gets exactly one verdict, in the records' order, whatever its bytes: a decision, a
:class:`~stream_app.events.Rejection` with its reason, or a :class:`~stream_app.steps.deduplicate.Repeat`. Decisions and
rejections are published, a repeat is not. An unexpected exception rejects the record that caused it and no other.

The pipeline knows no clock, no Kafka and no metrics. It reads the memory of decided ids and never writes it: a batch
may be judged again, and a decision counts only once the caller remembers it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.contract import Contract
from models.policy import Policy
from models.scorer import Scorer
from stream_app.errors import StreamAppError, trace_of
from stream_app.events import (
    Decision,
    ModelRef,
    OutcomeName,
    Output,
    PolicyRef,
    RawRecord,
    Rejection,
    RejectionReason,
)
from stream_app.mapping.mapper import RequestMapper
from stream_app.steps.decide import Reasons, decide
from stream_app.steps.decode import Decoder, RequestFormat
from stream_app.steps.decode_foreign import ForeignDecoder
from stream_app.steps.deduplicate import DecidedIds, Fingerprints, Fresh, Key, Repeat, deduplicate
from stream_app.steps.encode import Encode, encode_decision, encode_rejection, json_value
from stream_app.steps.enrich import BatchProfiles, Enricher, ProfileLookup
from stream_app.steps.score import score

Verdict = Decision[Any] | Rejection | Repeat
StageEnded = Callable[[str], None]
"""Called with the name of each stage when it ends."""

MAX_REJECTED_BYTES = 900_000  # with our headers still below what a default topic takes, whoever made it

_BUG = Rejection(RejectionReason.INTERNAL_ERROR, "The scorer failed on this record; its log says where.")


@dataclass(frozen=True, slots=True)
class Judged:
    """A batch: one verdict and one output a record, in order (None for a repeat), and what is worth counting.

    ``decided``: fingerprints of the requests that got a decision, by partition and request id. ``bugs``: class and
    place of each unexpected exception.
    """

    verdicts: list[Verdict]
    outputs: list[Output | None]
    decided: dict[Key, bytes] = field(default_factory=dict)
    unseen_categories: Counter[str] = field(default_factory=Counter)
    bugs: list[str] = field(default_factory=list)
    outliers: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.verdicts + other.verdicts,
            self.outputs + other.outputs,
            self.decided | other.decided,
            self.unseen_categories + other.unseen_categories,
            self.bugs + other.bugs,
            self.outliers + other.outliers,
        )


_NONE: Fingerprints = {}


def _ignore(_stage: str) -> None:
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
        decided_ids: DecidedIds | None = None,
        mapper: RequestMapper | None = None,
        requests: RequestFormat | None = None,
        decision_value: Encode = json_value,
    ) -> None:
        """``decided_ids``: None decides every request, whatever was decided before. ``mapper``: of foreign requests.

        ``requests`` and ``decision_value``: the formats of requests and decisions, JSON unless stated.
        """
        self._contract = contract
        self._scorer = scorer
        self._policy = policy
        self._model = model
        self._policy_ref = PolicyRef(policy.id, policy.review_at, policy.refuse_at)
        decoder = Decoder(contract, max_request_bytes, requests)
        self._decoder = ForeignDecoder(decoder, mapper, max_request_bytes, requests) if mapper else decoder
        self._decision_value = decision_value
        self._profiles = profiles
        self._enricher = Enricher(contract)
        self._decided_ids = decided_ids

    def judge(
        self,
        records: Sequence[RawRecord],
        now: dt.datetime,
        stage_ended: StageEnded = _ignore,
        earlier: Fingerprints = _NONE,
    ) -> Judged:
        """One verdict a record. ``now`` (UTC) becomes ``decided_at``.

        ``earlier``: :attr:`Judged.decided` of batches before this one that are not remembered yet. Raises
        StreamAppError when something that records need is away (client store, schema registry): none gets a verdict.
        """
        judge = partial(self._judge, BatchProfiles(self._profiles), now, stage_ended)
        return _bugs_isolated(judge, records, earlier)

    def _judge(
        self,
        profiles: BatchProfiles,
        now: dt.datetime,
        stage_ended: StageEnded,
        records: Sequence[RawRecord],
        earlier: Fingerprints,
    ) -> Judged:
        requests = self._decoder.decode(records)
        stage_ended("decode")
        rows = self._enricher.complete(requests, profiles)
        batch = deduplicate(records, requests, rows, self._decided_ids, earlier, now)
        matrix, unseen = self._enricher.encode([fresh.row for fresh in batch.to_decide.values()])
        stage_ended("enrich")
        probabilities = score(self._scorer, matrix)
        stage_ended("score")
        outcomes, reasons = decide(self._policy, self._scorer, self._contract, matrix, probabilities)
        answers = zip(batch.to_decide.values(), probabilities.tolist(), outcomes, reasons, strict=True)
        decisions = [self._decision(now, *answer) for answer in answers]
        verdict_of: dict[int, Verdict] = {**batch.answered, **dict(zip(batch.to_decide, decisions, strict=True))}
        verdicts = [verdict_of[index] for index in range(len(records))]
        stage_ended("decide")
        outputs = _outputs(records, verdicts, batch.to_decide, self._decision_value)
        stage_ended("encode")
        outliers = Counter(self._enricher.outliers(matrix))
        return Judged(verdicts, outputs, batch.decided, Counter(unseen), outliers=outliers)

    def _decision(
        self, now: dt.datetime, fresh: Fresh, probability: float, outcome: OutcomeName, reasons: Reasons
    ) -> Decision[Any]:
        request = fresh.request
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
            self._enricher.features(*fresh.row),
        )


def _outputs(
    records: Sequence[RawRecord], verdicts: Sequence[Verdict], fresh: Mapping[int, Fresh], value_of: Encode = json_value
) -> list[Output | None]:
    outputs: list[Output | None] = []
    for index, (record, verdict) in enumerate(zip(records, verdicts, strict=True)):
        if isinstance(verdict, Decision):
            outputs.append(encode_decision(record, verdict, fresh[index].fingerprint, value_of))
        elif isinstance(verdict, Rejection):
            outputs.append(encode_rejection(record, verdict, MAX_REJECTED_BYTES))
        else:
            outputs.append(None)
    return outputs


def _bugs_isolated(
    judge: Callable[[Sequence[RawRecord], Fingerprints], Judged], records: Sequence[RawRecord], earlier: Fingerprints
) -> Judged:
    """Judge all records at once or, if that raises, by halves, until only the record that caused it is left."""
    try:
        return judge(records, earlier)
    except (StreamAppError, MemoryError):
        raise
    except Exception as bug:  # noqa: BLE001 - a bug costs one record, not the stream
        if len(records) == 1:
            return Judged([_BUG], _outputs(records, [_BUG], {}), bugs=[trace_of(bug)])
        half = len(records) // 2
        first = _bugs_isolated(judge, records[:half], earlier)
        return first + _bugs_isolated(judge, records[half:], {**earlier, **first.decided})
