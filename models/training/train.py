"""From a table of past applications to a bundle. Read :func:`train`: it is the whole flow."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from models.bundle import CONTRACT, GOLDEN, MODEL, REFERENCE, Bundle, write_bundle
from models.contract import Contract
from models.errors import TrainingDataError
from models.manifest import DataFingerprint, Figures, Manifest
from models.policy import Policy
from models.scorer import Calibration, LightGBMScorer
from models.training.calibrate import choose_calibration
from models.training.evaluate import LEAK_AUC, calibration_table, figures, figures_by_year
from models.training.fit import ModelSize, fit_booster, parameters
from models.training.holdout import held_out
from models.training.model_card import model_card
from models.training.rows import Rows, need_both_outcomes, rows_of
from models.training.samples import golden_rows, reference_sample

HOLD_OUT = "hold-out"
OUT_OF_TIME = "out of time"


@dataclass(frozen=True)
class Plan:
    """How to train. ``until``: the last day of the rows learned from; later ones are only judged. None: no limit.

    ``threads`` is fixed rather than the machine's count, since the model's last digits depend on it.
    """

    policy: Policy
    seed: int = 7
    threads: int = 1
    size: ModelSize = field(default_factory=ModelSize)
    until: np.datetime64 | None = None


@dataclass(frozen=True)
class Draft:
    """A trained model before it is written: the bundle's files, its manifest, its card, and notes for the user."""

    files: dict[str, bytes]
    manifest: Manifest
    card: str
    notes: tuple[str, ...]

    def write(self, path: Path, *, replace: bool = False) -> Bundle:
        """Write the bundle in one step; raises what :func:`models.bundle.write_bundle` raises."""
        return write_bundle(path, self.files, self.manifest, model_card=self.card, replace=replace)


def train(frame: pd.DataFrame, contract: Contract, plan: Plan) -> Draft:
    """Fit, calibrate, judge and package a model; nothing is written and the same arguments give the same draft.

    ``frame`` holds one row per application with the contract's columns. Raises :class:`TrainingDataError` when a column
    is missing or unusable, or when the rows to learn from or the held-out ones have one outcome only.
    """
    everything, rejected = rows_of(frame, contract)
    past, later = _until(everything, plan.until)
    need_both_outcomes(past, "training")
    held = held_out(past, plan.seed)
    learned, judged = past.where(~held), past.where(held)
    need_both_outcomes(learned, "training")
    need_both_outcomes(judged, HOLD_OUT)

    settings = parameters(plan.size, plan.seed, plan.threads)
    trial = LightGBMScorer.from_text(fit_booster(learned, contract, settings), Calibration(), plan.threads)
    raw = trial.probability_of_default(judged.matrix)
    calibration, judged_probability = choose_calibration(raw, judged.target, plan.seed)
    model_text = fit_booster(past, contract, settings)  # the latest rows are worth 0.02 of AUC a year later
    scorer = LightGBMScorer.from_text(model_text, calibration, plan.threads)

    manifest = Manifest(
        name=contract.name,
        policy=plan.policy,
        calibration=calibration,
        data=_fingerprint(past),
        seed=plan.seed,
        parameters=settings,
        libraries=_libraries(),
        hold_out=_describe_hold_out(judged),
        figures=_figures(judged, judged_probability, later, scorer),
        calibration_table=calibration_table(judged_probability, judged.target),
    )
    files = {
        MODEL: model_text.encode(),
        CONTRACT: contract.to_json(),
        REFERENCE: reference_sample(past, scorer, plan.seed),
        GOLDEN: golden_rows(past, contract, scorer, plan.seed),
    }
    return Draft(files, manifest, model_card(manifest, contract, files[MODEL]), _notes(rejected, manifest))


def _until(rows: Rows, last_day: np.datetime64 | None) -> tuple[Rows, Rows]:
    if last_day is None:
        return rows, rows.where(np.zeros(len(rows), dtype=bool))
    if rows.dates is None:
        raise TrainingDataError("A last day needs a date column.", do_next="Name one with --date.")
    past = rows.dates.astype("datetime64[D]") <= last_day
    return rows.where(past), rows.where(~past)


def _figures(judged: Rows, judged_probability: np.ndarray, later: Rows, scorer: LightGBMScorer) -> dict[str, Figures]:
    """Of the held-out rows and of later ones, as a whole and by year."""
    found = {HOLD_OUT: figures(judged_probability, judged.target)}
    if len(by_year := figures_by_year(HOLD_OUT, judged, judged_probability)) > 1:
        found |= by_year
    return found | figures_by_year(OUT_OF_TIME, later, scorer.probability_of_default(later.matrix))


def _fingerprint(rows: Rows) -> DataFingerprint:
    digest = hashlib.sha256(rows.matrix.tobytes())
    digest.update(rows.target.tobytes())
    days = None if rows.dates is None else rows.dates.astype("datetime64[D]")
    return DataFingerprint(
        rows=len(rows),
        defaults=int(rows.target.sum()),
        sha256=digest.hexdigest(),
        first_date=None if days is None else str(days.min()),
        last_date=None if days is None else str(days.max()),
    )


def _describe_hold_out(judged: Rows) -> str:
    if judged.dates is None:
        return f"a random {len(judged)} rows, the same share of each outcome"
    return f"the latest {len(judged)} rows, from {judged.dates.astype('datetime64[D]').min()} on"


def _libraries() -> dict[str, str]:
    names = ("lightgbm", "numpy", "pandas", "scikit-learn", "pyarrow")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _notes(rejected: int, manifest: Manifest) -> tuple[str, ...]:
    notes = []
    if rejected:
        notes.append(
            f"{rejected} rows were left out: the service would reject them (a required feature is missing, or a number"
            " is outside the contract's range)."
        )
    auc = manifest.figures[HOLD_OUT].auc
    if auc is not None and auc > LEAK_AUC:
        notes.append(
            f"WARNING: the hold-out AUC is {auc:.3f}. That looks like a leak: some column most likely is known only"
            " after the outcome. Take it out of the contract and train again."
        )
    return tuple(notes)
