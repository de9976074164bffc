"""Bundle folders changed by somebody who can compute hashes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec

from models.bundle_files import HASHED_FILES
from models.manifest import Manifest, version_of


def reseal(folder: Path, **changed: Any) -> None:
    """Put the files' hashes and a right version into the manifest, and the ``changed`` fields, objects merged.

    The texts "NaN" and "1e999" stand in the JSON without their quotes. A manifest that is none stays without a version.
    """
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name, value in changed.items():
        manifest[name] = {**manifest[name], **value} if isinstance(value, dict) else value
    manifest["files"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in HASHED_FILES
        if (folder / name).is_file()
    }
    written = json.dumps({**manifest, "version": ""})
    for literal in ("NaN", "1e999"):
        written = written.replace(f'"{literal}"', literal)
    with contextlib.suppress(msgspec.DecodeError):
        read = msgspec.json.decode(written, type=Manifest)
        written = msgspec.structs.replace(read, version=version_of(read)).to_json().decode()
    (folder / "manifest.json").write_text(written)
