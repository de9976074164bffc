"""Bundles for workers under test: the shipped one, another valid one, and ways to damage the one in use."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import lightgbm
import msgspec

from models.bundle import load_bundle, write_bundle
from models.bundle_files import CARD, GOLDEN, HASHED_FILES, MANIFEST, MODEL
from models.manifest import GoldenRow, Manifest
from models.scorer import LightGBMScorer


class Bundles:
    """``current`` is the folder every worker reads at its start; ``all`` are the bundles it may have held."""

    def __init__(self, shipped: Path, folder: Path) -> None:
        folder.mkdir()
        self.current = folder / "current"
        self._shipped, self._other = shipped, folder / "other"
        shutil.copytree(shipped, self.current)
        _write_shorter(shipped, self._other)
        self.all = [shipped, self._other]

    def truncate(self) -> None:
        """Half of the model file is gone."""
        self._overwrite(lambda text: text[: len(text) // 2])

    def flip_bit(self, place: float) -> None:
        """One bit of the model file is the other one; ``place``: 0..1 of the file."""
        self._overwrite(lambda text: _flipped(text, int(place * len(text))))

    def restore(self) -> None:
        """The shipped bundle is back."""
        self._replace(self._shipped)

    def swap(self) -> None:
        """The other bundle is there now."""
        self._replace(self._other)

    def _overwrite(self, change: Callable[[bytes], bytes]) -> None:
        model = self.current / MODEL
        model.write_bytes(change(model.read_bytes()))

    def _replace(self, source: Path) -> None:
        """In two renames, as a deployment would; a worker that starts in between finds none and is started again."""
        new, old = self.current.with_name("new"), self.current.with_name("old")
        shutil.copytree(source, new)
        self.current.rename(old)
        new.rename(self.current)
        shutil.rmtree(old)


def _flipped(text: bytes, at: int) -> bytes:
    return text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]


def _write_shorter(source: Path, target: Path) -> None:
    """A bundle with half of the trees of another: other probabilities, another version."""
    bundle = load_bundle(source)
    text = (source / MODEL).read_text()
    booster = lightgbm.Booster(model_str=text)
    shorter = booster.model_to_string(num_iteration=booster.num_trees() // 2)
    scorer = LightGBMScorer.from_text(shorter, bundle.manifest.calibration)
    rows = msgspec.json.Decoder(GoldenRow).decode_lines((source / GOLDEN).read_bytes())
    matrix, _ = bundle.contract.encode(bundle.contract.columns_of([row.features for row in rows]))
    golden = [
        msgspec.structs.replace(row, probability_of_default=float(probability))
        for row, probability in zip(rows, scorer.probability_of_default(matrix), strict=True)
    ]
    files = {name: (source / name).read_bytes() for name in HASHED_FILES}
    files |= {MODEL: shorter.encode(), GOLDEN: msgspec.json.Encoder().encode_lines(golden)}
    manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    write_bundle(target, files, manifest, model_card=(source / CARD).read_text())
