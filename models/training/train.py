"""From a table of past applications to a bundle; :func:`train` is the whole flow."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.bundle import Bundle, load_bundle, write_bundle
from models.bundle_files import CONTRACT, GOLDEN, MODEL, REFERENCE
from models.contract import Contract
from models.errors import TrainingDataError
from models.manifest import DataFingerprint, Figures, Manifest
from models.policy import Policy
from models.scorer import Calibration, LightGBMScorer
from models.training.calibrate import choose_calibration
from models.training.evaluate import LEAK_AUC, calibration_table, evaluate, evaluate_by_year
from models.training.fit import ModelSize, fit_trees, lightgbm_parameters
from models.training.model_card import model_card
from models.training.rows import LabelledRows, held_out, labelled_rows, need_both_labels
from models.training.samples import golden_rows, reference_sample

HOLD_OUT = "hold-out"
OUT_OF_TIME = "out of time"


@dataclass(frozen=True)
class Plan:
    """How to train. ``until``: the last day of the training rows; later rows are for evaluation only. None: no limit.

    ``threads`` is a fixed number, not that of the machine's cores, since the model's last digits depend on it.
    """

    policy: Policy
    seed: int = 7
    threads: int = 1
    size: ModelSize = field(default_factory=ModelSize)
    until: np.datetime64 | None = None


@dataclass(frozen=True)
class Draft:
    """A trained model before it is written: the bundle's files, manifest and model card, and notes for the user."""

    files: dict[str, bytes]
    manifest: Manifest
    model_card: str
    notes: tuple[str, ...]

    def write(self, path: Path, *, replace: bool = False, verify: Callable[[Path], object] = load_bundle) -> Bundle:
        """Write the bundle; see :func:`models.bundle.write_bundle`."""
        return write_bundle(path, self.files, self.manifest, model_card=self.model_card, replace=replace, verify=verify)


def train(frame: pd.DataFrame, contract: Contract, plan: Plan) -> Draft:
    """Fit, calibrate and evaluate a model. Nothing is written; the same arguments give the same draft.

    A first model is fitted without the held-out rows, to calibrate and to evaluate on them; the model of the bundle is
    fitted on all rows with that calibration. ``frame``: one row per application, with the contract's columns. Raises
    :class:`TrainingDataError` if a column is missing or unusable, or if the training or the held-out rows do not have
    both defaults and paid loans.
    """
    all_rows, rejected = labelled_rows(frame, contract)
    past, later = _split_at(all_rows, plan.until)
    need_both_labels(past, "training")
    mask = held_out(past, plan.seed)
    first_rows, hold_out = past.where(~mask), past.where(mask)
    need_both_labels(first_rows, "training")
    need_both_labels(hold_out, HOLD_OUT)

    parameters = lightgbm_parameters(plan.size, plan.seed, plan.threads)
    first = LightGBMScorer.from_text(fit_trees(first_rows, contract, parameters), Calibration(), plan.threads)
    raw = first.probability_of_default(hold_out.matrix)
    calibration, probability = choose_calibration(raw, hold_out.target, plan.seed)
    model_text = fit_trees(past, contract, parameters)  # the latest rows are worth 0.02 of AUC a year later
    scorer = LightGBMScorer.from_text(model_text, calibration, plan.threads)

    manifest = Manifest(
        name=contract.name,
        policy=plan.policy,
        calibration=calibration,
        data=_fingerprint(past),
        seed=plan.seed,
        parameters=parameters,
        libraries=_libraries(),
        hold_out=_describe(hold_out),
        figures=_figures(hold_out, probability, later, scorer),
        calibration_table=calibration_table(probability, hold_out.target),
    )
    files = {
        MODEL: model_text.encode(),
        CONTRACT: contract.to_json(),
        REFERENCE: reference_sample(past, scorer, plan.seed),
        GOLDEN: golden_rows(past, contract, scorer, plan.seed),
    }
    return Draft(files, manifest, model_card(manifest, contract, files[MODEL]), _notes(rejected, manifest))


def _split_at(rows: LabelledRows, last_day: np.datetime64 | None) -> tuple[LabelledRows, LabelledRows]:
    """The rows up to ``last_day``, and those after it."""
    if last_day is None:
        return rows, rows.where(np.zeros(len(rows), dtype=bool))
    if rows.dates is None:
        raise TrainingDataError("A last day needs a date column.", do_next="Name one with --date.")
    past = rows.dates.astype("datetime64[D]") <= last_day
    return rows.where(past), rows.where(~past)


def _figures(
    hold_out: LabelledRows, probability: NDArray[np.float64], later: LabelledRows, scorer: LightGBMScorer
) -> dict[str, Figures]:
    """Of the held-out rows, as a whole and by year if there are several, and of later rows by year."""
    figures = {HOLD_OUT: evaluate(probability, hold_out.target)}
    if len(by_year := evaluate_by_year(HOLD_OUT, hold_out, probability)) > 1:
        figures |= by_year
    return figures | evaluate_by_year(OUT_OF_TIME, later, scorer.probability_of_default(later.matrix))


def _fingerprint(rows: LabelledRows) -> DataFingerprint:
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


def _describe(hold_out: LabelledRows) -> str:
    if hold_out.dates is None:
        return f"a random {len(hold_out)} rows, the same share of each label"
    return f"the latest {len(hold_out)} rows, from {hold_out.dates.astype('datetime64[D]').min()} on"


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
            " once the loan has defaulted or been paid. Take it out of the contract and train again."
        )
    return tuple(notes)
