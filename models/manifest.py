"""The manifest of a bundle and its golden rows, as they are written in their files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from models.policy import Policy
from models.scorer import Calibration


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of a model on a group of rows; formulas in :func:`models.training.evaluate.evaluate`.

    ``observed`` and ``predicted``: mean default rate, 0 to 1. ``auc``: null if all rows have the same label.
    """

    rows: int
    defaults: int
    observed: float
    predicted: float
    auc: float | None
    brier: float
    log_loss: float


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with similar probabilities: their mean probability of default, and the share that defaulted."""

    rows: int
    predicted: float
    observed: float


class DataFingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """The training data. ``sha256``: of the encoded matrix followed by the target, float64."""

    rows: int
    defaults: int
    sha256: str
    first_date: str | None
    last_date: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Contents and origin of a bundle. ``files``: SHA-256 by file name. ``figures``: by group of rows."""

    format: int = 1
    name: str
    version: str = ""
    files: dict[str, str] = {}
    policy: Policy
    calibration: Calibration
    data: DataFingerprint
    seed: int
    parameters: dict[str, str | int | float | bool]
    libraries: dict[str, str]
    hold_out: str
    figures: dict[str, Figures]
    calibration_table: tuple[CalibrationBin, ...]

    def to_json(self) -> bytes:
        """The manifest as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class GoldenRow(msgspec.Struct, frozen=True, kw_only=True):
    """The raw features of a request and the calibrated probability of default they must get."""

    features: dict[str, str | float | None]
    probability_of_default: float


def version_of(manifest: Manifest) -> str:
    """The first 12 hex digits of the SHA-256 of the manifest without its version.

    The manifest has the hashes of the files, so whatever can change a decision changes the version.
    """
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(manifest, version=""))).hexdigest()[:12]


def model_feature_names(names: Sequence[str]) -> tuple[str, ...]:
    """Feature names as in the model text: percent-encoded, since LightGBM refuses ``[]{}":,`` and alters spaces.

    >>> model_feature_names(["income", "loan, type"])
    ('income', 'loan%2C%20type')
    """
    return tuple(quote(name, safe="") for name in names)
