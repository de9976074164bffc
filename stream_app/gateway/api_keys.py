"""API keys and roles: a file of names, roles and hashes, and which role a path needs. A key itself is shown once.

The file has a line a key: ``name role sha256``. A key is 256 random bits, so that a plain SHA-256 cannot be guessed
backwards; slow hashes are for passwords that people choose. A running gateway reads the file again when it changes.
"""

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

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often a running gateway looks whether the key file changed."""

_NAME = r"[\w.-]{1,64}"
_LINE = re.compile(rf"({_NAME}) (read|request) ([0-9a-f]{{64}})", re.ASCII)
_HEAD = "# API keys of the gateway, made by `stream-app keys add`: name, role, SHA-256 of the key.\n"


class Role(enum.StrEnum):
    """What a caller must be allowed. ``REQUEST`` includes ``READ``."""

    READ = "read"
    REQUEST = "request"


_ROLES = {
    "/predict": Role.REQUEST,
    "/requests": Role.REQUEST,
    "/decisions": Role.READ,
    "/status": Role.READ,
    "/board": Role.READ,
    "/reports": Role.READ,
}
"""One table, so that static files and reports are in it as well as routes."""


def role_for(path: str) -> Role | None:
    """The role a path needs; None: open to all (health, documentation, and the page itself, which holds no data)."""
    return _ROLES.get("/" + path[1:].partition("/")[0])


@dataclass(frozen=True)
class Caller:
    """Whose key it is, and what it allows."""

    name: str
    role: Role

    def may(self, needed: Role) -> bool:
        """Whether this caller may call what needs that role."""
        return self.role is Role.REQUEST or self.role is needed


class Keys:
    """Callers by the hash of their key."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = callers

    @classmethod
    def read(cls, path: Path, at_least: int = 1) -> Keys:
        """Raises SettingsError when the file cannot be read, has a malformed line, a name twice, or too few keys."""
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as fault:
            raise _unusable(path, "it cannot be read") from fault
        keys = cls({})
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if not match:
                raise _unusable(path, f"line {number} of it is not `name role sha256`")
            if match[1] in keys.names():
                raise _unusable(path, f"line {number} of it names {match[1]} a second time")
            keys._callers[match[3]] = Caller(match[1], Role(match[2]))
        if len(keys._callers) < at_least:
            raise _unusable(path, "there is no key in it")
        return keys

    def names(self) -> list[str]:
        """Whose keys there are."""
        return [caller.name for caller in self._callers.values()]

    def caller(self, key: str) -> Caller | None:
        """Whose key this is. What is searched for is a hash, so the time it takes reveals nothing of a key."""
        return self._callers.get(_hash(key))

    def lines(self) -> Iterable[str]:
        """As they stand in the file."""
        return (f"{caller.name} {caller.role.value} {digest}\n" for digest, caller in self._callers.items())

    def with_new(self, name: str, role: Role) -> tuple[Keys, str]:
        """These and a new one, and the new key. Raises SettingsError for a name that is malformed or taken."""
        if not re.fullmatch(_NAME, name, re.ASCII) or name in self.names():
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
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(_HEAD + "".join(self.lines()))
            temporary.replace(path)
        except OSError as fault:
            temporary.unlink(missing_ok=True)
            raise SettingsError(f"The keys cannot be written to {path} ({fault.strerror}).") from fault


class KeyFile:
    """The keys of a running gateway. Raises SettingsError when the file is not usable at the start."""

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
            self._reload_if_changed()
        return self._keys.caller(key)

    def _reload_if_changed(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = Keys.read(self._path, at_least=0)
        except SettingsError as fault:
            log.error("%s The keys read before stay valid.", fault.happened)
        else:
            log.info("the key file changed: %d keys are valid", len(self._keys.names()))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes with the file; None while there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError(
        f"The key file {path.absolute()} is not usable: {why}.",
        kept="Nothing was started.",
        do_next="Make it with `stream-app keys add NAME --role read|request`, or name another in STREAM_APP_KEYS.",
    )
