"""The rows a bundle carries along: a reference sample for drift, and golden rows that pin its behaviour."""

from __future__ import annotations

import io

import msgspec
import numpy as np

from models.contract import Contract
from models.manifest import GoldenRow
from models.scorer import Scorer
from models.table import columns_from
from models.training.rows import Rows

REFERENCE_ROWS = 5_000
GOLDEN_ROWS = 48
UNSEEN_CATEGORY = "a category nobody has seen"

PlainRow = dict[str, object]


def reference_sample(rows: Rows, scorer: Scorer, seed: int) -> bytes:
    """Parquet of at most :data:`REFERENCE_ROWS` of ``rows``: raw features and ``probability_of_default``; no ids."""
    kept = _positions(len(rows), REFERENCE_ROWS, seed)
    probability = scorer.probability_of_default(rows.matrix[kept])
    sample = rows.features.iloc[kept].assign(probability_of_default=probability)
    buffer = io.BytesIO()
    sample.to_parquet(buffer, index=False)
    return buffer.getvalue()


def golden_rows(rows: Rows, contract: Contract, scorer: Scorer, seed: int) -> bytes:
    """JSON Lines of :data:`GOLDEN_ROWS` requests as they would arrive, each with the probability it must get.

    A third as they were, a third with one feature missing each, a third with an unseen category each; then one with
    everything missing.
    """
    sample = rows.features.iloc[_positions(len(rows), GOLDEN_ROWS, seed)]
    columns = columns_from(sample, contract)
    plain: list[PlainRow] = [dict(zip(contract.names(), values, strict=True)) for values in zip(*columns, strict=True)]
    requests = [_altered(row, number, contract) for number, row in enumerate(plain)]
    requests.append(dict.fromkeys(contract.names()))
    matrix, _ = contract.encode(contract.columns_of(requests))
    probabilities = scorer.probability_of_default(matrix).tolist()
    golden = [{"features": row, "probability_of_default": p} for row, p in zip(requests, probabilities, strict=True)]
    text = msgspec.json.Encoder().encode_lines(golden)
    msgspec.json.Decoder(GoldenRow).decode_lines(text)  # what is written here must be readable there
    return text


def _altered(row: PlainRow, number: int, contract: Contract) -> PlainRow:
    names = contract.names()
    categories = [names[position] for position in contract.category_positions()]
    kind, turn = number % 3, number // 3
    if kind == 1:
        return {**row, names[turn % len(names)]: None}
    if kind == 2 and categories:
        return {**row, categories[turn % len(categories)]: UNSEEN_CATEGORY}
    return row


def _positions(rows: int, most: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """At most ``most`` positions among ``rows``, drawn once each, in rising order."""
    drawn = np.random.default_rng(seed).choice(rows, size=min(rows, most), replace=False)
    return np.sort(drawn)
