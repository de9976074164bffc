"""Finds a Java that can run Apache Kafka."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from stream_app.errors import BrokerStartFailed

LEAST_JAVA = 17


@dataclass(frozen=True)
class Java:
    """``path`` of the executable, ``version`` such as "17.0.15"."""

    path: str
    version: str


def find_java() -> Java:
    """The Java of JAVA_HOME, else of the PATH. Raises :class:`BrokerStartFailed` if there is none or it is too old."""
    home = os.environ.get("JAVA_HOME")
    path = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if path is None:
        raise _unusable("is not in JAVA_HOME" if home else "is not on the PATH")
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable("does not run") from error
    found = re.search(r'version "((\d+)[^"]*)"', done.stderr)
    if found is None or int(found[2]) < LEAST_JAVA:
        raise _unusable(f"is version {found[1]}" if found else "does not tell its version")
    return Java(path, found[1])


def _unusable(what: str) -> BrokerStartFailed:
    return BrokerStartFailed(
        f"Apache Kafka needs Java {LEAST_JAVA} or newer; java {what}.",
        do_next="Install it, or take the other engine: --engine tansu.",
    )
