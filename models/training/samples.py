"""The rows stored in a bundle: a reference sample for drift, and golden rows to verify it with."""

from __future__ import annotations

import io

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.contract import Contract
from models.manifest import GoldenRow
from models.scorer import Scorer
from models.tables.columns import columns_from
from models.training.rows import LabelledRows

REFERENCE_ROWS = 5_000
GOLDEN_ROWS = 48
UNSEEN_CATEGORY = "a category nobody has seen"

FeatureValues = dict[str, object]


def reference_sample(rows: LabelledRows, scorer: Scorer, seed: int) -> bytes:
    """Parquet with a sample of ``rows``: raw features and ``probability_of_default``, no ids.

    :data:`REFERENCE_ROWS` rows without replacement, or all if there are fewer.
    """
    sampled = _sample(len(rows), REFERENCE_ROWS, seed)
    probability = scorer.probability_of_default(rows.matrix[sampled])
    sample = rows.features.iloc[sampled].assign(probability_of_default=probability)
    buffer = io.BytesIO()
    sample.to_parquet(buffer, index=False)
    return buffer.getvalue()


def golden_rows(rows: LabelledRows, contract: Contract, scorer: Scorer, seed: int) -> bytes:
    """JSON Lines with a sample of ``rows`` as raw requests, and the probability each must get.

    :data:`GOLDEN_ROWS` rows, or all if there are fewer: a third unchanged, a third with one feature missing, a third
    with an unseen category. One more row has every feature missing.
    """
    columns = columns_from(rows.features.iloc[_sample(len(rows), GOLDEN_ROWS, seed)], contract)
    sample = [dict(zip(contract.names(), values, strict=True)) for values in zip(*columns, strict=True)]
    requests = [_variant(row, number, contract) for number, row in enumerate(sample)]
    requests.append(dict.fromkeys(contract.names()))
    matrix, _ = contract.encode(contract.columns_of(requests))
    probabilities = scorer.probability_of_default(matrix).tolist()
    golden = [{"features": row, "probability_of_default": p} for row, p in zip(requests, probabilities, strict=True)]
    text = msgspec.json.Encoder().encode_lines(golden)
    msgspec.json.Decoder(GoldenRow).decode_lines(text)  # fails here rather than when the bundle is loaded
    return text


def _variant(row: FeatureValues, number: int, contract: Contract) -> FeatureValues:
    """Row ``number`` unchanged, with a missing value or with an unseen category, each feature in turn."""
    names = contract.names()
    categories = [names[position] for position in contract.category_positions()]
    turn, kind = divmod(number, 3)
    if kind == 1:
        return {**row, names[turn % len(names)]: None}
    if kind == 2 and categories:
        return {**row, categories[turn % len(categories)]: UNSEEN_CATEGORY}
    return row


def _sample(rows: int, size: int, seed: int) -> NDArray[np.int64]:
    """``size`` of the positions 0 to ``rows - 1`` without replacement, ascending; all if there are fewer."""
    return np.sort(np.random.default_rng(seed).choice(rows, size=min(rows, size), replace=False))
