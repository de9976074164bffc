"""Fits the trees."""

from __future__ import annotations

from dataclasses import dataclass

from models.contract import Contract
from models.lightgbm_import import lightgbm
from models.manifest import model_feature_names
from models.training.rows import LabelledRows

Parameters = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class ModelSize:
    """Number of trees and leaves per tree. The default values were chosen in docs/decisions/0001-model-size.md."""

    trees: int = 40
    leaves: int = 8

    @property
    def learning_rate(self) -> float:
        """``6 / trees``, at most 0.2: with fewer trees, each must contribute more."""
        return min(0.2, 6.0 / self.trees)


def lightgbm_parameters(size: ModelSize, seed: int, threads: int) -> Parameters:
    """LightGBM's parameters. The thread count is one of them because the order of its sums depends on it."""
    return {
        "objective": "binary",
        "num_iterations": size.trees,
        "num_leaves": size.leaves,
        "learning_rate": size.learning_rate,
        "min_data_in_leaf": 50,
        "lambda_l2": 1.0,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_row_wise": True,  # else LightGBM times both ways and the winner decides the rounding
        "verbosity": -1,
    }


def fit_trees(rows: LabelledRows, contract: Contract, parameters: Parameters) -> str:
    """Fit a model on ``rows``; its text in LightGBM's format. The same rows and parameters give the same bytes."""
    data = lightgbm.Dataset(
        rows.matrix,
        label=rows.target,
        feature_name=list(model_feature_names(contract.names())),
        categorical_feature=contract.category_positions(),
        params={"verbosity": -1},
    )
    text: str = lightgbm.train(parameters, data).model_to_string()
    return text
