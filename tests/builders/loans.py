"""A small table of loans and its contract, for everything that trains."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.contract import Contract, Feature
from models.policy import Policy
from models.training.fit import ModelSize
from models.training.train import Plan

CONTRACT = Contract(
    name="toy",
    schema_version=1,
    id_column="id",
    target="bad",
    date_column="day",
    features=(
        Feature(name="income", kind="number", unit="USD", minimum=0, maximum=1e6, required=True),
        Feature(name="children", kind="integer", minimum=0, maximum=20),
        Feature(name="home, kind", kind="category", categories=("own", "rent")),
    ),
)
PLAN = Plan(policy=Policy.from_costs(), size=ModelSize(trees=5, leaves=4))


def loans(rows: int = 1_000, seed: int = 1) -> pd.DataFrame:
    """Loans of 2001-2003, one in five of which defaults, the more so the lower the income."""
    rng = np.random.default_rng(seed)
    income = rng.uniform(10_000, 100_000, rows).round(2)
    default_rate = 0.4 * (1 - income / 100_000) + 0.02
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "day": pd.date_range("2001-01-01", "2003-12-31", periods=rows).strftime("%Y-%m-%d"),
            "income": income,
            "children": pd.array(rng.integers(0, 5, rows), dtype="Int32"),
            "home, kind": rng.choice(["own", "rent"], rows),
            "bad": (rng.random(rows) < default_rate).astype(int),
        }
    )
