"""Requests and client profiles to the feature matrix, in the contract's order.

A feature the request leaves out is taken from the client's stored profile, looked up once for the whole batch; an
explicit null means *missing* and is not filled. A request that names every feature needs no profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from models.contract import Contract
from stream_app.events import LoanRequest, Rejection, RejectionReason, feature_struct

Row = tuple[Any, ...]


class ProfileLookup(Protocol):
    """Where client profiles come from: a JSON object of features by client id."""

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The known ones among ``client_ids``. Raises ClientStoreError when the store does not answer."""


@dataclass(frozen=True, slots=True)
class Enriched:
    """The rows that can be scored.

    ``positions``: index of each row in the batch. ``rows``: raw values, one tuple of n_features a row, None = missing.
    ``matrix``: float64 (n_rows, n_features), NaN = missing. ``unseen``: rows with a category unknown to the contract,
    by feature. ``rejections``: the others, by position.
    """

    positions: list[int]
    rows: list[Row]
    matrix: NDArray[np.float64]
    unseen: dict[str, int]
    rejections: dict[int, Rejection]


class Enricher:
    """Completes and encodes batches under one contract; I/O only through ``profiles``."""

    def __init__(self, contract: Contract, profiles: ProfileLookup) -> None:
        self._contract = contract
        self._profiles = profiles
        self._features = feature_struct(contract)
        self._profile_decoder = msgspec.json.Decoder(self._features)
        self._nothing: Row = (UNSET,) * len(contract.features)
        self._required = [(i, f.name) for i, f in enumerate(contract.features) if f.required]

    def enrich(self, requests: Sequence[tuple[int, LoanRequest[Any]]]) -> Enriched:
        """``requests``: position in the batch and request; every one comes back as a row or a rejection."""
        completed = self._complete(requests)
        rejections = {at: row for at, row in completed if isinstance(row, Rejection)}
        good = [(at, row) for at, row in completed if not isinstance(row, Rejection)]
        rows = [row for _, row in good]
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(self._nothing)
        matrix, unseen = self._contract.encode(columns)
        return Enriched([at for at, _ in good], rows, matrix, unseen, rejections)

    def features(self, row: Row) -> Any:
        """The ``features`` object of a decision: the raw values of one row under the contract's names."""
        return self._features(*row)

    def _complete(self, requests: Sequence[tuple[int, LoanRequest[Any]]]) -> list[tuple[int, Row | Rejection]]:
        sent = [(at, request.client_id, self._sent_values(request)) for at, request in requests]
        profiles = self._profiles.get_many({client_id for _, client_id, row in sent if UNSET in row})
        return [(at, self._fill(row, client_id, profiles)) for at, client_id, row in sent]

    def _sent_values(self, request: LoanRequest[Any]) -> Row:
        features = request.features
        return self._nothing if features is UNSET else msgspec.structs.astuple(features)

    def _fill(self, row: Row, client_id: str, profiles: Mapping[str, bytes]) -> Row | Rejection:
        if UNSET in row:
            profile = self._profile(client_id, profiles)
            if isinstance(profile, Rejection):
                return profile
            row = tuple(
                [
                    (None if stored is UNSET else stored) if sent is UNSET else sent
                    for sent, stored in zip(row, profile, strict=True)
                ]
            )
        for i, name in self._required:
            if row[i] is None:
                return Rejection(
                    RejectionReason.MISSING_REQUIRED_FEATURE,
                    f"`{name}` is required and neither the request nor the client's profile has it.",
                )
        return row

    def _profile(self, client_id: str, profiles: Mapping[str, bytes]) -> Row | Rejection:
        stored = profiles.get(client_id)
        if stored is None:
            return Rejection(
                RejectionReason.UNKNOWN_CLIENT,
                "The client store has no such client and the request does not name every feature.",
            )
        try:
            return msgspec.structs.astuple(self._profile_decoder.decode(stored))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Rejection(
                RejectionReason.INVALID_PROFILE, "The client's stored profile breaks the contract; load it again."
            )
