"""Error lines for the settings: unknown environment variables ``STREAM_APP_*``, and values that are not valid.

A misspelt variable is an error with a suggestion; ignored, it would leave a default in place unnoticed.

Kubernetes puts variables of the same prefix into every container for each Service named ``stream-app`` or
``stream-app-...``; those are no mistake.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

PREFIX = "STREAM_APP_"

_OF_A_SERVICE = re.compile(r"(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)")
_ADDRESS_OF_A_SERVICE = re.compile(r"(?:tcp|udp|sctp)://\S+")


def _is_service_address(name: str, value: str) -> bool:
    """Whether Kubernetes set this variable, ``*_PORT=tcp://10.0.0.7:80``: a port setting is a plain number."""
    return name.endswith("PORT") and _ADDRESS_OF_A_SERVICE.fullmatch(value) is not None


def unknown_variables(environ: Mapping[str, str], settings: Collection[str]) -> Iterator[str]:
    """One line for each variable that is neither one of the ``settings``, named in lower case, nor of Kubernetes."""
    for variable in sorted(environ):
        name = variable.upper().removeprefix(PREFIX)
        if not variable.upper().startswith(PREFIX) or name.lower() in settings:
            continue
        if not _OF_A_SERVICE.fullmatch(name) and not _is_service_address(name, environ[variable]):
            yield f"{variable}: there is no such setting{_suggestion(name, settings)}"


def _suggestion(name: str, settings: Collection[str]) -> str:
    close = difflib.get_close_matches(name.lower(), settings, n=1)
    return f"; did you mean {PREFIX}{close[0].upper()}?" if close else ""


def invalid_setting(error: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    """One line for one of pydantic's errors, without the value, which may hold a password."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:  # of several settings together: the message names them
        return message
    variable = PREFIX + ".".join(str(part) for part in error["loc"]).upper()
    if _is_service_address(variable, environ.get(variable, "")):
        service = variable.removesuffix("_PORT").lower().replace("_", "-")
        message += f" (Kubernetes sets it for a Service named {service}: add enableServiceLinks: false to the pod)"
    return f"{variable}: {message}"
