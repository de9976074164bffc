"""Apache Kafka's jars: fetched once by Maven into the user's cache, complete or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from stream_app.errors import BrokerStartFailed

KAFKA_VERSION = "4.4.0"
"""The newest release, and its log4j binding in pom.xml, that were run through the tests. Needs Java 17."""

FETCH_SECONDS = 300
"""Time-out of the whole fetch: 45 jars, 43 MB."""

_POM = Path(__file__).with_name("pom.xml")
_OTHER_ENGINE = "Correct that, or take the other engine: --engine tansu."


def kafka_jars(say: Callable[[str], None]) -> Path:
    """The folder with the jars; fetches them if it is not there. Safe in several processes at once.

    Raises :class:`BrokerStartFailed` if Maven is missing, fails or takes longer than ``FETCH_SECONDS``.
    """
    jars = _cache() / f"kafka-{KAFKA_VERSION}"
    if jars.is_dir():
        return jars
    try:
        _fetch_once(jars, say)
    except OSError as error:
        raise BrokerStartFailed(
            f"{jars} cannot be written: {error.strerror or error}.", do_next=_OTHER_ENGINE
        ) from error
    return jars


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loan-stream-scorer"


def _fetch_once(jars: Path, say: Callable[[str], None]) -> None:
    """Under a lock, into a folder beside the target, which then takes its name in one step."""
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerStartFailed("Maven (mvn), which fetches Apache Kafka, is not on the PATH.", do_next=_OTHER_ENGINE)
    jars.parent.mkdir(parents=True, exist_ok=True)
    with jars.with_name(f"{jars.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed by the kernel if the holder dies
        if jars.is_dir():
            return
        say(f"Fetching Apache Kafka {KAFKA_VERSION} with Maven into {jars} (43 MB, once, at most {FETCH_SECONDS} s).")
        partial = jars.with_name(f"{jars.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # of a fetch that was killed
        _run_maven(maven, partial)
        partial.rename(jars)


def _run_maven(maven: str, target: Path) -> None:
    options = ["-B", "-q", "-f", str(_POM), f"-Dkafka.version={KAFKA_VERSION}", f"-DoutputDirectory={target}"]
    # Maven 3.8 and older wait half an hour for an answer by default.
    patience = ["-Dmaven.wagon.http.connectionTimeout=10000", "-Dmaven.wagon.rto=30000"]
    try:
        done = subprocess.run(
            [maven, *options, *patience, "dependency:copy-dependencies"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BrokerStartFailed(
            f"Maven did not fetch Apache Kafka {KAFKA_VERSION} within {FETCH_SECONDS} s.", do_next=_OTHER_ENGINE
        ) from error
    if done.returncode != 0:
        raise BrokerStartFailed(
            f"Maven could not fetch Apache Kafka: {_first_error(done.stdout)}", do_next=_OTHER_ENGINE
        )


def _first_error(output: str) -> str:
    errors = (line.removeprefix("[ERROR]").strip() for line in output.splitlines() if "[ERROR]" in line)
    return next((error for error in errors if error), "it gave no reason.")[:400]
