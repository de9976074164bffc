"""The manifest of a bundle and the rows that pin its behaviour, as they stand in their files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from models.policy import Policy
from models.scorer import Calibration


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How a model did on some rows. ``auc`` is null where all rows had the same outcome."""

    rows: int
    defaults: int
    observed: float
    predicted: float
    auc: float | None
    brier: float
    log_loss: float


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """A group of rows with like probabilities: their mean probability of default, and the share that did default."""

    rows: int
    predicted: float
    observed: float


class DataFingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """Which data made the model. ``sha256`` is over the encoded training matrix followed by the target, float64."""

    rows: int
    defaults: int
    sha256: str
    first_date: str | None
    last_date: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle says of itself. ``files``: SHA-256 by file name. ``figures``: by group of rows, say ``2007``."""

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
    """One raw request's features and the calibrated probability of default it must get."""

    features: dict[str, str | float | None]
    probability_of_default: float


def version_of(manifest: Manifest) -> str:
    """The first 12 hex digits of a SHA-256 over the whole manifest save the version.

    It covers the files by their hashes, so whatever changes a decision or what is said of it changes the version.
    """
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(manifest, version=""))).hexdigest()[:12]


def model_feature_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names as they stand in the model text: percent-encoded, since LightGBM refuses ``[]{}":,`` and alters spaces.

    >>> model_feature_names(["income", "loan, type"])
    ('income', 'loan%2C%20type')
    """
    return tuple(quote(name, safe="") for name in names)
