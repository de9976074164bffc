"""The bundle: a folder with everything one trained model needs, verified whenever it is read.

| file | content |
|---|---|
| ``model.txt`` | the LightGBM trees as text, no pickle |
| ``contract.json`` | the feature contract it was trained with |
| ``manifest.json`` | SHA-256 of all other files, policy, calibration, training data, libraries, figures |
| ``manifest.json.minisig`` | perhaps: the signature of the manifest, and so of the whole bundle |
| ``reference.parquet`` | sample of the training rows with their probabilities: the reference for drift |
| ``golden.jsonl`` | raw rows and the probability each must get, some with missing values or unseen categories |
| ``MODEL_CARD.md`` | the manifest for people |
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from models.atomic_folder import write_folder
from models.bundle_files import (
    ALL_FILES,
    CARD,
    CONTRACT,
    GOLDEN,
    HASHED_FILES,
    MANIFEST,
    MODEL,
    REFERENCE,
    broken,
    read_files,
)
from models.contract import Contract
from models.errors import ModelError, ScoringError
from models.lightgbm_import import lightgbm
from models.manifest import GoldenRow, Manifest, model_feature_names, version_of
from models.origin import Origin
from models.policy import Policy
from models.scorer import LightGBMScorer, Scorer

ANY_ORIGIN = Origin()

GOLDEN_TOLERANCE = 1e-6
"""Largest accepted difference of a golden probability: what another processor may round differently."""


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. ``sha256``: of ``model.txt``. ``version``: of everything, contract and policy included.

    ``manifest_sha256``: of ``manifest.json``, which pins the bundle. ``comment``: the signature's, None if it was not
    asked for. ``reference``: the content of ``reference.parquet``.
    """

    path: Path
    name: str
    version: str
    sha256: str
    contract: Contract
    policy: Policy
    scorer: Scorer
    manifest: Manifest
    manifest_sha256: str
    comment: str | None
    reference: bytes

    def __str__(self) -> str:
        signed = "" if self.comment is None else f", signed ({self.comment!r})"
        return f"bundle {self.name} {self.version}, {MANIFEST} {self.manifest_sha256}{signed}"


def shipped_bundle() -> Path:
    """The folder of the bundle shipped with the product, trained on the loan book of 2001-2004."""
    return Path(__file__).parent / "bundles" / "sba"


def load_bundle(path: Path, threads: int = 1, origin: Origin = ANY_ORIGIN) -> Bundle:
    """Read and verify a bundle folder; its scorer predicts on ``threads`` threads.

    In this order: origin, manifest, hashes, contract, model, feature order, golden rows. Raises :class:`BundleError`
    naming the file and what to do.
    """
    files = read_files(path, origin)
    manifest, contents = files.manifest, files.contents
    contract = _contract(path, contents[CONTRACT])
    scorer = _scorer(path, contents[MODEL], contract, manifest, threads)
    _check_golden_rows(path, contents[GOLDEN], contract, scorer)
    return Bundle(
        path=path,
        name=manifest.name,
        version=manifest.version,
        sha256=manifest.files[MODEL],
        contract=contract,
        policy=manifest.policy,
        scorer=scorer,
        manifest=manifest,
        manifest_sha256=files.manifest_sha256,
        comment=files.comment,
        reference=contents[REFERENCE],
    )


def write_bundle(
    path: Path,
    files: Mapping[str, bytes],
    manifest: Manifest,
    *,
    model_card: str,
    replace: bool = False,
    verify: Callable[[Path], object] = load_bundle,
) -> Bundle:
    """Write the bundle in one step and read it back.

    ``files`` holds the contents of all but manifest and card; hashes and version are filled into ``manifest``.
    ``verify`` reads the new bundle and raises what is wrong with it. A bundle already at ``path`` stays until the new
    one is complete and verified. Raises :class:`OutputError` if ``path`` may not be replaced or written,
    :class:`BundleError` if the new bundle does not verify.
    """
    hashed = {**files, CARD: model_card.encode()}
    hashes = {name: hashlib.sha256(hashed[name]).hexdigest() for name in HASHED_FILES}
    sealed = msgspec.structs.replace(manifest, files=hashes)
    sealed = msgspec.structs.replace(sealed, version=version_of(sealed))
    contents = {**hashed, MANIFEST: sealed.to_json()}
    write_folder(path, contents, replaceable=ALL_FILES, verify=verify, replace=replace)
    return load_bundle(path)


def _contract(path: Path, text: bytes) -> Contract:
    try:
        return Contract.parse(text, source=CONTRACT)
    except ModelError as error:
        raise broken(path, error.happened.removesuffix(".")) from error


def _scorer(path: Path, text: bytes, contract: Contract, manifest: Manifest, threads: int) -> LightGBMScorer:
    try:
        scorer = LightGBMScorer.from_text(text.decode(), manifest.calibration, threads)
    except (ValueError, ScoringError, lightgbm.basic.LightGBMError) as error:  # UnicodeDecodeError is a ValueError
        raise broken(path, f"{MODEL} is not a LightGBM model, though its SHA-256 is right") from error
    if tuple(scorer.booster.feature_name()) != model_feature_names(contract.names()):
        raise broken(path, f"{MODEL} reads other features, or in another order, than {CONTRACT} lists")
    return scorer


def _check_golden_rows(path: Path, text: bytes, contract: Contract, scorer: Scorer) -> None:
    try:
        rows = msgspec.json.Decoder(GoldenRow).decode_lines(text)
        matrix, _ = contract.encode(contract.columns_of([row.features for row in rows]))
    except (ValueError, TypeError, RecursionError) as error:  # no JSON; not a number; nested without end
        raise broken(path, f"{GOLDEN} does not hold golden rows for {CONTRACT} ({error})") from error
    expected = np.array([row.probability_of_default for row in rows])
    try:
        differing = np.abs(scorer.probability_of_default(matrix) - expected) > GOLDEN_TOLERANCE
    except ScoringError as error:
        raise broken(path, f"{MODEL} does not score the golden rows: {error.happened.removesuffix('.')}") from error
    if not rows or differing.any():
        raise broken(
            path, f"{int(differing.sum())} of {len(rows)} golden rows get another probability than the one stored"
        )
