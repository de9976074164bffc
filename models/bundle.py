"""The bundle: a folder with everything one trained model needs, verified whenever it is read.

| file | content |
|---|---|
| ``model.txt`` | the LightGBM trees as text, no pickle |
| ``contract.json`` | the feature contract it was trained with |
| ``manifest.json`` | SHA-256 of the files above and below, policy, calibration, training data, libraries, figures |
| ``reference.parquet`` | sample of the training rows with their probabilities: the reference for drift |
| ``golden.jsonl`` | raw rows and the probability each must get, some with missing values or unseen categories |
| ``MODEL_CARD.md`` | the manifest for people; the only file without a hash |
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from models.atomic_folder import write_folder
from models.contract import Contract
from models.errors import BundleError, ModelError, ScoringError
from models.lightgbm_import import lightgbm
from models.manifest import GoldenRow, Manifest, model_feature_names, version_of
from models.policy import Policy
from models.scorer import LightGBMScorer, Scorer

MODEL, CONTRACT, MANIFEST = "model.txt", "contract.json", "manifest.json"
REFERENCE, GOLDEN, CARD = "reference.parquet", "golden.jsonl", "MODEL_CARD.md"
HASHED_FILES = (MODEL, CONTRACT, REFERENCE, GOLDEN)
ALL_FILES = (*HASHED_FILES, MANIFEST, CARD)

GOLDEN_TOLERANCE = 1e-6
"""Largest accepted difference of a golden probability: what another processor may round differently."""


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. ``sha256``: of ``model.txt``. ``version``: of everything, contract and policy included."""

    path: Path
    name: str
    version: str
    sha256: str
    contract: Contract
    policy: Policy
    scorer: Scorer
    manifest: Manifest


def shipped_bundle() -> Path:
    """The folder of the bundle shipped with the product, trained on the loan book of 2001-2004."""
    return Path(__file__).parent / "bundles" / "sba"


def load_bundle(path: Path, threads: int = 1) -> Bundle:
    """Read and verify a bundle folder; its scorer predicts on ``threads`` threads.

    In this order: manifest, hashes, contract, model, feature order, golden rows. The hashes come before LightGBM parses
    the model, since damaged text can end the process. Raises :class:`BundleError` naming the file and what to do.
    """
    if not path.is_dir():
        raise _broken(path, "there is no such folder")
    manifest = _manifest(path)
    contents = _verified_contents(path, manifest)
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
    )


def write_bundle(
    path: Path, files: Mapping[str, bytes], manifest: Manifest, *, model_card: str, replace: bool = False
) -> Bundle:
    """Write the bundle in one step and read it back.

    ``files`` holds the contents of :data:`HASHED_FILES`; their hashes and the version are filled into ``manifest``.
    A bundle already at ``path`` stays until the new one is complete and verified. Raises :class:`OutputError` if
    ``path`` may not be replaced or written, :class:`BundleError` if the new bundle does not verify.
    """
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in HASHED_FILES}
    sealed = msgspec.structs.replace(manifest, files=hashes)
    sealed = msgspec.structs.replace(sealed, version=version_of(sealed))
    contents = {**files, MANIFEST: sealed.to_json(), CARD: model_card.encode()}
    write_folder(path, contents, verify=load_bundle, replace=replace)
    return load_bundle(path)


def _manifest(path: Path) -> Manifest:
    text = _read(path, MANIFEST)
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise _broken(path, f"{MANIFEST} is not a manifest ({error})") from error
    if manifest.version != version_of(manifest):
        raise _broken(path, f"{MANIFEST} was changed after it was written: its version does not match its content")
    return manifest


def _verified_contents(path: Path, manifest: Manifest) -> dict[str, bytes]:
    contents = {name: _read(path, name) for name in HASHED_FILES}
    for name, content in contents.items():
        if name not in manifest.files:
            raise _broken(path, f"{MANIFEST} has no SHA-256 for {name}")
        if hashlib.sha256(content).hexdigest() != manifest.files[name]:
            raise _broken(path, f"the SHA-256 of {name} is not the one in {MANIFEST}: it is damaged or was edited")
    return contents


def _contract(path: Path, text: bytes) -> Contract:
    try:
        return Contract.parse(text, source=CONTRACT)
    except ModelError as error:
        raise _broken(path, error.happened.removesuffix(".")) from error


def _scorer(path: Path, text: bytes, contract: Contract, manifest: Manifest, threads: int) -> LightGBMScorer:
    try:
        scorer = LightGBMScorer.from_text(text.decode(), manifest.calibration, threads)
    except (UnicodeDecodeError, ScoringError, lightgbm.basic.LightGBMError) as error:
        raise _broken(path, f"{MODEL} is not a LightGBM model, though its SHA-256 is right") from error
    if tuple(scorer.booster.feature_name()) != model_feature_names(contract.names()):
        raise _broken(path, f"{MODEL} reads other features, or in another order, than {CONTRACT} lists")
    return scorer


def _check_golden_rows(path: Path, text: bytes, contract: Contract, scorer: Scorer) -> None:
    try:
        rows = msgspec.json.Decoder(GoldenRow).decode_lines(text)
        matrix, _ = contract.encode(contract.columns_of([row.features for row in rows]))
    except (ValueError, TypeError) as error:  # msgspec raises ValueErrors, the encoder either for what is not a number
        raise _broken(path, f"{GOLDEN} does not hold golden rows for {CONTRACT} ({error})") from error
    expected = np.array([row.probability_of_default for row in rows])
    try:
        differing = np.abs(scorer.probability_of_default(matrix) - expected) > GOLDEN_TOLERANCE
    except ScoringError as error:
        raise _broken(path, f"{MODEL} does not score the golden rows: {error.happened.removesuffix('.')}") from error
    if not rows or differing.any():
        raise _broken(
            path, f"{int(differing.sum())} of {len(rows)} golden rows get another probability than the one stored"
        )


def _read(path: Path, name: str) -> bytes:
    try:
        if not stat.S_ISREG((path / name).stat().st_mode):  # a named pipe would never end
            raise _broken(path, f"{name} is not a file")
        return (path / name).read_bytes()
    except OSError as error:
        raise _broken(path, f"{name} cannot be read ({error.strerror})") from error


def _broken(path: Path, problem: str) -> BundleError:
    return BundleError(
        f"The bundle {path} cannot be used: {problem}.",
        kept="No model was loaded from it.",
        do_next="Restore the folder, or train a new one with `stream-app train`.",
    )
