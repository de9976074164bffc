"""Where a bundle has to come from: its maker's key, or one bundle alone. Imports nothing heavy: settings hold it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.minisign import PublicKey
from models.regular_file import NotReadable, read_regular

_MAX_KEY_BYTES = 4096


@dataclass(frozen=True)
class Origin:
    """What a bundle has to prove before it is used. ``sha256``: of ``manifest.json``, which has all other hashes."""

    public_key: PublicKey | None = None
    sha256: str | None = None


def public_key(text_or_file: str) -> PublicKey:
    """minisign's public key from its text, or from the file of this name. Raises ValueError."""
    try:
        return PublicKey.parse(text_or_file)
    except ValueError:
        pass
    try:
        return PublicKey.parse(read_regular(Path(text_or_file), _MAX_KEY_BYTES).decode())
    except (ValueError, NotReadable):
        raise ValueError("is neither a minisign public key nor a file with one") from None
