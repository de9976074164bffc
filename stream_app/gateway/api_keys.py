"""Who may call what: each path's role. One table, so that static files and reports are in it as well as routes."""

from __future__ import annotations

import enum
import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stream_app.errors import SettingsError


class Role(enum.StrEnum):
    """What a caller must be allowed. ``REQUEST`` includes ``READ``."""

    READ = "read"
    REQUEST = "request"


_BY_PREFIX: tuple[tuple[str, Role], ...] = (
    ("/predict", Role.REQUEST),
    ("/requests", Role.REQUEST),
    ("/decisions", Role.READ),
    ("/status", Role.READ),
    ("/board", Role.READ),
    ("/reports", Role.READ),
)


def role_for(path: str) -> Role | None:
    """The role a path needs; None: open to all (health, documents, and the page itself, which holds no data)."""
    return next((role for prefix, role in _BY_PREFIX if path == prefix or path.startswith(prefix + "/")), None)


def marked(role: Role) -> dict[str, str]:
    """The mark of a route in the OpenAPI document: ``openapi_extra=marked(Role.READ)``."""
    return {"x-role": role.value}


_LINE = re.compile(r"([\w.-]{1,64}) (read|request) ([0-9a-f]{64})", re.ASCII)
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HEAD = "# API keys of the gateway, made by `stream-app keys add`: name, role, SHA-256 of the key.\n"


@dataclass(frozen=True)
class Caller:
    """Whose key it is, and what it allows."""

    name: str
    role: Role

    def may(self, needed: Role) -> bool:
        """Whether this caller may call what needs that role."""
        return self.role is Role.REQUEST or self.role is needed


class Keys:
    """The known keys by their hash."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = callers

    @classmethod
    def read(cls, path: Path, at_least: int = 1) -> Keys:
        """Raises SettingsError when the file cannot be read, has a line that is none, a name twice, or too few keys."""
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as fault:
            raise _unusable(path, "it cannot be read") from fault
        keys = cls({})
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith("#"):
                keys._take(line, f"line {number} of it", path)
        if len(keys._callers) < at_least:
            raise _unusable(path, "there is no key in it")
        return keys

    def _take(self, line: str, where: str, path: Path) -> None:
        found = _LINE.fullmatch(line.strip())
        if not found:
            raise _unusable(path, f"{where} is not `name role sha256`")
        if found[1] in self.names():
            raise _unusable(path, f"{where} names {found[1]} a second time")
        self._callers[found[3]] = Caller(found[1], Role(found[2]))

    def names(self) -> list[str]:
        """Whose keys there are."""
        return [caller.name for caller in self._callers.values()]

    def caller(self, key: str) -> Caller | None:
        """Whose key this is. The search is for a hash, so its time tells nothing of a key."""
        return self._callers.get(_hash(key))

    def lines(self) -> Iterable[str]:
        """As they stand in the file."""
        return (f"{caller.name} {caller.role.value} {digest}\n" for digest, caller in self._callers.items())

    def with_new(self, name: str, role: Role) -> tuple[Keys, str]:
        """These and a new one, and the new key. Raises SettingsError for a name that is none or is taken."""
        if not _NAME.fullmatch(name) or name in self.names():
            raise SettingsError(
                f"A key cannot be named {name!r}.",
                kept="No key was made.",
                do_next="Take 1 to 64 letters, digits, dots and dashes that no other key has for its name.",
            )
        key = secrets.token_urlsafe(32)
        return Keys({**self._callers, _hash(key): Caller(name, role)}), key

    def without(self, name: str) -> Keys:
        """These without the one of this name. Raises SettingsError when there is none."""
        if name not in self.names():
            raise SettingsError(
                f"There is no key named {name!r}.", kept="No key was removed.", do_next="See `stream-app keys list`."
            )
        return Keys({digest: caller for digest, caller in self._callers.items() if caller.name != name})

    def write(self, path: Path) -> None:
        """Whole or not at all, readable by its owner alone. Raises SettingsError."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(_HEAD + "".join(self.lines()))
            beside.replace(path)
        except OSError as fault:
            beside.unlink(missing_ok=True)
            raise SettingsError(f"The keys cannot be written to {path} ({fault.strerror}).") from fault


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"The key file {path.absolute()} is not usable: {why}.",
        kept="Nothing was started.",
        do_next="Make it with `stream-app keys add NAME --role read|request`, or name another in STREAM_APP_KEYS.",
    )


log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

Stamp = tuple[int, int, int]


class KeyFile:
    """Knows callers by their keys. Raises SettingsError when the file is not usable at the start."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._stamp = _stamp(path)
        self._keys = Keys.read(path)
        self._looked_at = clock()

    def caller(self, key: str) -> Caller | None:
        """Whose key this is."""
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        return self._keys.caller(key)

    def _look(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = Keys.read(self._path, at_least=0)
        except SettingsError as fault:
            log.error("%s The keys of before still count.", fault.happened)
        else:
            log.info("the key file changed: %d keys count", len(self._keys.names()))


def _stamp(path: Path) -> Stamp | None:
    """What changes with the file; None while there is none."""
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size, now.st_ino
