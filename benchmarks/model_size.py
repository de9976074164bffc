"""AUC and cost of each model size: ``python -m benchmarks.model_size`` (about five minutes on two cores).

AUC by 5-fold on the applications of 2001-2004 with its standard error over the folds, and in 2005 after a fit on all of
2001-2004; microseconds per row on one thread, for probabilities in batches of 2,048 and for contributions in batches of
300. The last line is the cheapest size whose 5-fold AUC is within one standard error of the best.
The figures and the choice stand in docs/decisions/0001-model-size.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE, load_applications
from models.scorer import Calibration, LightGBMScorer
from models.training.evaluate import evaluate
from models.training.fit import ModelSize, fit_trees, lightgbm_parameters
from models.training.rows import LabelledRows, labelled_rows

FOLDS, SEED, FIT_THREADS = 5, 7, 2
SIZES = [ModelSize(trees, leaves) for trees in (30, 40, 60, 100, 200, 300) for leaves in (4, 8, 16, 31)]
HEADER = """| trees | leaves | AUC 5-fold | AUC 2005 | predict µs/row | contributions µs/row |
|---:|---:|---:|---:|---:|---:|"""


@dataclass(frozen=True)
class Measurement:
    size: ModelSize
    auc: float
    standard_error: float
    auc_2005: float
    predict_us: float
    contributions_us: float

    def line(self) -> str:
        return (
            f"| {self.size.trees} | {self.size.leaves} | {self.auc:.4f} ± {self.standard_error:.4f}"
            f" | {self.auc_2005:.3f} | {self.predict_us:.2f} | {self.contributions_us:.1f} |"
        )


def fitted(rows: LabelledRows, contract: Contract, size: ModelSize) -> LightGBMScorer:
    text = fit_trees(rows, contract, lightgbm_parameters(size, SEED, FIT_THREADS))
    return LightGBMScorer.from_text(text, Calibration(), threads=1)


def auc_of(scorer: LightGBMScorer, rows: LabelledRows) -> float:
    auc = evaluate(scorer.probability_of_default(rows.matrix), rows.target).auc
    assert auc is not None
    return auc


def fold_aucs(rows: LabelledRows, contract: Contract, size: ModelSize) -> list[float]:
    fold = np.random.default_rng(SEED).permutation(len(rows)) % FOLDS
    return [auc_of(fitted(rows.where(fold != k), contract, size), rows.where(fold == k)) for k in range(FOLDS)]


def us_per_row(call: Callable[[], object], rows: int) -> float:
    """Best of twenty: what it costs, not what else the machine was doing."""
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds) / rows * 1e6


def measure(past: LabelledRows, next_year: LabelledRows, contract: Contract, size: ModelSize) -> Measurement:
    aucs = fold_aucs(past, contract, size)
    scorer = fitted(past, contract, size)
    batch, few = next_year.matrix[:2048].copy(), next_year.matrix[:300].copy()
    return Measurement(
        size=size,
        auc=float(np.mean(aucs)),
        standard_error=float(np.std(aucs, ddof=1) / np.sqrt(FOLDS)),
        auc_2005=auc_of(scorer, next_year),
        predict_us=us_per_row(lambda: scorer.probability_of_default(batch), len(batch)),
        contributions_us=us_per_row(lambda: scorer.contributions(few), len(few)),
    )


def main() -> None:
    contract = Contract.read(CONTRACT_FILE)
    rows, _ = labelled_rows(load_applications(), contract)
    past, next_year = rows.where(rows.years() <= 2004), rows.where(rows.years() == 2005)
    print(HEADER)
    measured = []
    for size in SIZES:
        measured.append(measure(past, next_year, contract, size))
        print(measured[-1].line(), flush=True)
    best = max(measured, key=lambda m: m.auc)
    good = [m for m in measured if m.auc >= best.auc - best.standard_error]
    print(f"cheapest within one standard error of {best.auc:.4f}: {min(good, key=lambda m: m.contributions_us).line()}")


if __name__ == "__main__":
    main()
