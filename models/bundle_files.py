"""The files of a bundle folder, read within bounds, and proven by the manifest's hashes and by the bundle's origin.

Whatever lies in the folder is judged before it is parsed: only regular files up to a size are read, the signature and
the pinned hash come before the manifest is parsed, the hashes before LightGBM sees the model, since damaged text can
end the process.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.errors import BundleError
from models.manifest import Manifest, version_of
from models.minisign import BadSignature, PublicKey, verify
from models.origin import Origin
from models.regular_file import NotReadable, read_regular

MODEL, CONTRACT, MANIFEST = "model.txt", "contract.json", "manifest.json"
REFERENCE, GOLDEN, CARD = "reference.parquet", "golden.jsonl", "MODEL_CARD.md"
SIGNATURE = f"{MANIFEST}.minisig"
NEEDED_FILES = (MODEL, CONTRACT, REFERENCE, GOLDEN)
HASHED_FILES = (*NEEDED_FILES, CARD)
ALL_FILES = (*HASHED_FILES, MANIFEST, SIGNATURE)

MIB = 1024 * 1024
_MAX_BYTES = {MODEL: 512 * MIB, REFERENCE: 512 * MIB, SIGNATURE: 64 * 1024}
_MAX_OTHER_BYTES = 16 * MIB

_PROVE = "Use the bundle that its maker signed or named; whoever changed this one is not known."


@dataclass(frozen=True)
class Files:
    """Contents by name, as hashed in the manifest. ``comment``: the signature's trusted comment, None without one."""

    manifest: Manifest
    manifest_sha256: str
    comment: str | None
    contents: dict[str, bytes]


def read_files(path: Path, origin: Origin) -> Files:
    """Raises :class:`BundleError` naming the file and what to do."""
    if not path.is_dir():
        raise broken(path, "there is no such folder")
    text = _read(path, MANIFEST)
    sha256 = hashlib.sha256(text).hexdigest()
    if origin.sha256 not in (None, sha256):
        raise broken(path, f"the SHA-256 of {MANIFEST} is not the one in STREAM_APP_BUNDLE_SHA256", _PROVE)
    comment = None if origin.public_key is None else _signed(path, text, origin.public_key)
    manifest = _manifest(path, text)
    if origin != Origin() and CARD not in manifest.files and (path / CARD).exists():
        raise broken(path, f"{MANIFEST}, written by an older version, has no SHA-256 for {CARD}", f"Remove {CARD}.")
    return Files(manifest, sha256, comment, _verified_contents(path, manifest))


def _read(path: Path, name: str) -> bytes:
    try:
        return read_regular(path / name, _MAX_BYTES.get(name, _MAX_OTHER_BYTES))
    except NotReadable as fault:
        raise broken(path, f"{name} {fault}") from fault


def broken(path: Path, problem: str, do_next: str = "") -> BundleError:
    """The error of a bundle that cannot be used."""
    return BundleError(
        f"The bundle {path} cannot be used: {problem}.",
        kept="No model was loaded from it.",
        do_next=do_next or "Restore the folder, or train a new one with `stream-app train`.",
    )


def _signed(path: Path, manifest: bytes, public_key: PublicKey) -> str:
    """The trusted comment of the manifest's signature. Raises :class:`BundleError`."""
    if not (path / SIGNATURE).exists():
        raise broken(
            path, f"it is not signed ({SIGNATURE} is missing), and STREAM_APP_BUNDLE_PUBLIC_KEY is set", _PROVE
        )
    try:
        return verify(manifest, _read(path, SIGNATURE), public_key).decode(errors="replace")
    except BadSignature as fault:
        raise broken(path, f"the signature in {SIGNATURE} does not hold: {fault}", _PROVE) from None


def _manifest(path: Path, text: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
        sealed = manifest.version == version_of(manifest)
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, not what a manifest holds; nested without end
        raise broken(path, f"{MANIFEST} is not a manifest ({error})") from error
    if not sealed:
        raise broken(path, f"{MANIFEST} was changed after it was written: its version does not match its content")
    return manifest


def _verified_contents(path: Path, manifest: Manifest) -> dict[str, bytes]:
    for name in NEEDED_FILES:
        if name not in manifest.files:
            raise broken(path, f"{MANIFEST} has no SHA-256 for {name}")
    contents = {name: _read(path, name) for name in HASHED_FILES if name in manifest.files}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != manifest.files[name]:
            raise broken(path, f"the SHA-256 of {name} is not the one in {MANIFEST}: it is damaged or was edited")
    return contents
