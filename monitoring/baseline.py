"""The baseline of windows: a bundle and its reference sample, read once in each process."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.bundle import ANY_ORIGIN, Bundle, load_bundle
from models.errors import BundleError
from models.origin import Origin
from monitoring.statistics.reference import Reference, reference_of

if TYPE_CHECKING:
    import pandas as pd


class BundleSource(NamedTuple):
    """A bundle's folder, and what it has to prove."""

    path: Path
    origin: Origin = ANY_ORIGIN


class Baseline(NamedTuple):
    """A bundle and its reference, which windows are compared with."""

    bundle: Bundle
    reference: Reference


@lru_cache(maxsize=1)
def baseline_at(source: BundleSource) -> Baseline:
    """Of this bundle; a second or two at the first time in a process. Raises BundleError."""
    bundle = load_bundle(source.path, origin=source.origin)
    return Baseline(bundle, read_reference(bundle))


def read_reference(bundle: Bundle) -> Reference:
    """The bundle's reference sample, encoded by its contract and decided by its policy.

    Raises :class:`BundleError` when it is no Parquet table with those columns, and
    :class:`TrainingDataError` when it holds text where the contract has a number.
    """
    from models.tables.columns import columns_from  # noqa: PLC0415  pandas is for whoever reads, not for whoever compares

    frame = _frame(bundle)
    matrix, unseen = bundle.contract.encode(columns_from(frame, bundle.contract))
    probability = frame["probability_of_default"].to_numpy(dtype=np.float64)
    return reference_of(bundle.contract, bundle.policy, matrix, probability, unseen)


def _frame(bundle: Bundle) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    names = [*bundle.contract.names(), "probability_of_default"]
    try:
        return pd.read_parquet(io.BytesIO(bundle.reference), columns=names)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's errors are among them
        raise BundleError(
            f"The reference sample of the bundle {bundle.path} cannot be read ({type(error).__name__}).",
            kept="No window was compared with it.",
            do_next="Restore the folder, or make it anew with `stream-app train`.",
        ) from error
