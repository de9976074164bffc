"""Makes odd inputs of good ones: changes of bytes, and of JSON documents as documents."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

ODD_BYTES = (b"", b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x7f", b"\r\n", b"'", b'"', b"\\", b"%", b"[" * 2000)
ODD_NUMBERS = (0, 1, -1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32, 2**53 + 1, 2**63 - 1, -(2**63))
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, "", "a" * 300, "\ud800", "\0", "é", "NaN", "1e999", "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-23:59", "-1", *ODD_NUMBERS, 2**64, 10**400, 0.1, -0.0, 1e308,
    5e-324, [], {}, [[]], {"": {}},
)  # fmt: skip
ODD_NAMES = ("", "a", "features", "request_id", "__class__", "é", "x" * 200, "\ud800")
LITERALS = ("NaN", "Infinity", "-Infinity", "1e999", "01", "[" * 5000, '{"a":' * 5000, "'", "0x10", "\u2028", "1_0")


def spoil_bytes(rng: random.Random, data: bytes, others: Sequence[bytes] = (), most: int = 4) -> bytes:
    """One to ``most`` changes."""
    spoilt = bytearray(data)
    for _ in range(rng.randint(1, most)):
        at = rng.randrange(len(spoilt) + 1)
        rng.choice(_CHANGES)(rng, spoilt, at, others)
    return bytes(spoilt)


def _flip(rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    if at < len(data):
        data[at] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    data[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))])


def _insert(rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    data[at:at] = rng.choice(ODD_BYTES)


def _remove(rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    del data[at : at + rng.choice((1, 2, 4, 8, 50))]


def _cut(_rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    del data[at:]


def _repeat(rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    data[at:at] = data[at : at + rng.choice((1, 4, 30))] * rng.choice((1, 2, 10))


def _number(rng: random.Random, data: bytearray, at: int, _others: Sequence[bytes]) -> None:
    width = rng.choice((1, 2, 4, 8))
    data[at : at + width] = (rng.choice(ODD_NUMBERS) & (1 << 8 * width) - 1).to_bytes(width, "big")


def _splice(rng: random.Random, data: bytearray, at: int, others: Sequence[bytes]) -> None:
    if others:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        data[at:] = other[start:]


_CHANGES = (_flip, _set, _insert, _remove, _cut, _repeat, _number, _splice)


_ENCODINGS = (*[("utf-8", "surrogatepass"), ("utf-8", "replace")] * 10, ("utf-16", "replace"), ("latin-1", "replace"))


def spoil_json(rng: random.Random, text: bytes, others: Sequence[bytes] = ()) -> bytes:
    """Mostly a changed document, at times changed in its text, too."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return spoil_bytes(rng, text, others)
    for _ in range(rng.randint(0, 3)):
        document = _spoil_tree(rng, document)
    written = json.dumps(document, ensure_ascii=rng.random() < 0.5, separators=rng.choice(((",", ":"), (", ", " : "))))
    if rng.random() < 0.1:
        written = _with_literal(rng, written)
    if rng.random() < 0.1 and written.startswith("{"):
        written = "{" + json.dumps(rng.choice(ODD_NAMES)) + ":" + json.dumps(rng.choice(ODD_VALUES)) + "," + written[1:]
    encoding, errors = rng.choice(_ENCODINGS)
    changed = written.encode(encoding, errors)
    return spoil_bytes(rng, changed, others, most=2) if rng.random() < 0.3 else changed


def _with_literal(rng: random.Random, written: str) -> str:
    at = written.find(":", rng.randrange(len(written) + 1)) + 1
    return written[:at] + rng.choice(LITERALS) + written[rng.choice((at, max(at, written.find(",", at)))) :]


def _spoil_tree(rng: random.Random, document: Any) -> Any:
    """Another value somewhere, or another name, or one more, or one less."""
    if isinstance(document, dict) and document and rng.random() < 0.9:
        return _spoil_object(rng, document)
    if isinstance(document, list) and document and rng.random() < 0.9:
        at = rng.randrange(len(document))
        return [*document[:at], _spoil_tree(rng, document[at]), *document[at + rng.randint(0, 1) :]]
    return rng.choice((*ODD_VALUES, [document], {"a": document}, document))


def _spoil_object(rng: random.Random, document: dict[str, Any]) -> dict[str, Any]:
    name, kind = rng.choice(list(document)), rng.random()
    if kind < 0.6:
        return {**document, name: _spoil_tree(rng, document[name])}
    if kind < 0.75:
        return {other: value for other, value in document.items() if other != name}
    if kind < 0.9:
        return {**document, rng.choice(ODD_NAMES): rng.choice(ODD_VALUES)}
    return {(rng.choice(ODD_NAMES) if other == name else other): value for other, value in document.items()}
