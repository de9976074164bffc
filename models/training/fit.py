"""Fitting the trees."""

from __future__ import annotations

from dataclasses import dataclass

from models.contract import Contract
from models.lightgbm_import import lightgbm
from models.manifest import model_feature_names
from models.training.rows import Rows

Settings = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class ModelSize:
    """How many trees of how many leaves. The defaults are the outcome of docs/decisions/0001-model-size.md."""

    trees: int = 40
    leaves: int = 8

    @property
    def learning_rate(self) -> float:
        """Fewer trees learn faster, so that each size is given the chance to fit."""
        return min(0.2, 6.0 / self.trees)


def parameters(size: ModelSize, seed: int, threads: int) -> Settings:
    """LightGBM's parameters. The thread count is part of them: sums are added up in an order that depends on it."""
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


def fit_booster(rows: Rows, contract: Contract, settings: Settings) -> str:
    """The text of a model fitted on ``rows``; the same rows and settings give the same bytes."""
    data = lightgbm.Dataset(
        rows.matrix,
        label=rows.target,
        feature_name=list(model_feature_names(contract.names())),
        categorical_feature=contract.category_positions(),
        params={"verbosity": -1},
    )
    text: str = lightgbm.train(settings, data).model_to_string()
    return text
