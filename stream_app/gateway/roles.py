"""Who may call what: each path's role. One table, so that static files and reports are in it as well as routes."""

from __future__ import annotations

import enum


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
