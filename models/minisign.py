"""Signatures in minisign's format: ed25519 over a file or its BLAKE2b hash, and over a comment that is signed, too.

Source: https://jedisct1.github.io/minisign/, "Signature format" and "Public key format".
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_LEGACY, _PREHASHED = b"Ed", b"ED"
_ID_BYTES, _KEY_BYTES, _SIGNATURE_BYTES = 8, 32, 64
_UNTRUSTED, _TRUSTED = b"untrusted comment: ", b"trusted comment: "


class BadSignature(Exception):
    """The signature is not that of the content by the key; the text says why."""


@dataclass(frozen=True)
class PublicKey:
    """``key_id``: a number that minisign gives each key pair, to tell a wrong key from a wrong signature."""

    key_id: bytes
    key: bytes

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """From the content of minisign's public key file, or its second line alone. Raises ValueError."""
        lines = text.split("\n", 2)
        data = _decoded(
            (lines[1] if len(lines) > 1 and lines[0].startswith(_UNTRUSTED.decode()) else lines[0]).encode()
        )
        if len(data) != 2 + _ID_BYTES + _KEY_BYTES or not data.startswith(_LEGACY):
            raise ValueError("is no minisign public key")
        return cls(data[2 : 2 + _ID_BYTES], data[2 + _ID_BYTES :])


def verify(content: bytes, signature_file: bytes, public_key: PublicKey) -> bytes:
    """The trusted comment, where both signatures in the file are of ``public_key``. Raises BadSignature.

    Four lines: an untrusted comment; algorithm, key id and signature; the trusted comment; the signature of the
    signature with that comment.
    """
    signature, comment, of_comment = _parts(signature_file, public_key)
    key = Ed25519PublicKey.from_public_bytes(public_key.key)
    algorithm, signed = signature[:2], signature[2 + _ID_BYTES :]
    try:
        key.verify(signed, hashlib.blake2b(content).digest() if algorithm == _PREHASHED else content)
        key.verify(of_comment, signed + comment)
    except InvalidSignature:
        raise BadSignature("the content or the comment is not what was signed") from None
    return comment


def _parts(signature_file: bytes, public_key: PublicKey) -> tuple[bytes, bytes, bytes]:
    """The second, third and fourth line, decoded. Raises BadSignature."""
    lines = [line.rstrip(b"\r") for line in signature_file.split(b"\n")]
    if len(lines) < 4 or not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):
        raise BadSignature("it is not in minisign's format")
    try:
        signature, of_comment = _decoded(lines[1]), _decoded(lines[3])
    except ValueError:
        raise BadSignature("it is not in minisign's format") from None
    if (len(signature), len(of_comment)) != (2 + _ID_BYTES + _SIGNATURE_BYTES, _SIGNATURE_BYTES):
        raise BadSignature("it is not in minisign's format")
    if signature[:2] not in (_LEGACY, _PREHASHED):
        raise BadSignature("its algorithm is unknown")
    if signature[2 : 2 + _ID_BYTES] != public_key.key_id:
        raise BadSignature("it was made with another key")
    return signature, lines[2].removeprefix(_TRUSTED), of_comment


def _decoded(line: bytes) -> bytes:
    """Raises ValueError, of which binascii.Error is one."""
    return base64.b64decode(line.strip(), validate=True)
