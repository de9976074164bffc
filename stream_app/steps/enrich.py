"""Loan requests and client profiles to the feature matrix, in the contract's order.

A feature the request leaves out is taken from the client's stored profile, looked up once for the whole batch; an
explicit null means *missing* and is not filled. A request that names every feature needs no profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from models.contract import Contract
from stream_app.events import Fault, LoanRequest, Rejection, RejectionReason
from stream_app.feature_struct import feature_struct
from stream_app.steps.faults import rejection_of

Row = tuple[Any, ...]
"""Raw feature values in the contract's order. None: missing; UNSET: not in the request."""


_UNKNOWN_CLIENT = Rejection(
    RejectionReason.UNKNOWN_CLIENT, "The client store has no such client and the request does not name every feature."
)
_INVALID_PROFILE = Rejection(
    RejectionReason.INVALID_PROFILE, "The client's stored profile breaks the contract; load it again."
)


class ProfileLookup(Protocol):
    """Where client profiles come from: a JSON object of features by client id."""

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The known ones among ``client_ids``. Raises ClientStoreError when the store does not answer."""


class BatchProfiles:
    """The profiles of one batch. No client is looked up twice, though a batch may be gone over again in parts."""

    def __init__(self, store: ProfileLookup) -> None:
        self._store = store
        self._asked: set[str] = set()
        self._found: dict[str, bytes] = {}

    def get_many(self, client_ids: set[str]) -> Mapping[str, bytes]:
        """At least the known ones among ``client_ids``."""
        if new := client_ids - self._asked:
            self._found |= self._store.get_many(new)
            self._asked |= new
        return self._found


class Enricher:
    """Completes requests under one contract and encodes their rows."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self.features = feature_struct(contract)
        """The ``features`` object of a decision, made of the values of one row."""
        self._profile_decoder = msgspec.json.Decoder(self.features)
        self._names = contract.names()
        self._nothing: Row = (UNSET,) * len(contract.features)
        self._lowest, self._highest = contract.usual_ranges()
        self._required = [(i, f.name) for i, f in enumerate(contract.features) if f.required]

    def complete(
        self, requests: Sequence[LoanRequest[Any] | Rejection], profiles: BatchProfiles
    ) -> list[Row | Rejection]:
        """One complete row or one rejection for each request, in their order; what was rejected stays so."""
        sent = [(request, self._sent_values(request)) for request in requests if not isinstance(request, Rejection)]
        known = profiles.get_many({request.client_id for request, row in sent if UNSET in row})
        rows = iter([self._completed(row, known.get(request.client_id)) for request, row in sent])
        return [request if isinstance(request, Rejection) else next(rows) for request in requests]

    def encode(self, rows: Sequence[Row]) -> tuple[NDArray[np.float64], dict[str, int]]:
        """Matrix float64 (n_rows, n_features), NaN = missing; by feature, how many rows have an unseen category."""
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(self._nothing)
        return self._contract.encode(columns)

    def outliers(self, matrix: NDArray[np.float64]) -> dict[str, int]:
        """By feature, how many values of an encoded matrix are beyond the range of the training rows."""
        beyond = ((matrix < self._lowest) | (matrix > self._highest)).sum(axis=0)
        return {self._names[position]: int(beyond[position]) for position in np.flatnonzero(beyond)}

    def _sent_values(self, request: LoanRequest[Any]) -> Row:
        return self._nothing if request.features is UNSET else msgspec.structs.astuple(request.features)

    def _completed(self, row: Row, profile: bytes | None) -> Row | Rejection:
        if UNSET in row:
            if profile is None:
                return _UNKNOWN_CLIENT
            try:
                profile_row = msgspec.structs.astuple(self._profile_decoder.decode(profile))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return _INVALID_PROFILE
            row = tuple(
                [
                    (None if stored is UNSET else stored) if sent is UNSET else sent
                    for sent, stored in zip(row, profile_row, strict=True)
                ]
            )
        if missing := [name for position, name in self._required if row[position] is None]:
            return rejection_of([_missing(name) for name in missing])
        return row


def _missing(name: str) -> Fault:
    rule = "required, and neither the request nor the client's profile has it"
    return Fault(RejectionReason.MISSING_REQUIRED_FEATURE, rule, f"features.{name}")
