"""Apache Kafka's jars, fetched once by Maven."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stream_app.broker.download_cache import filled_once
from stream_app.errors import BrokerStartFailed

KAFKA_VERSION = "4.4.0"
"""The newest release that the tests ran on. Needs Java 17. Its log4j binding is in pom.xml."""

FETCH_SECONDS = 300
"""Time-out of the whole fetch: 45 jars, 43 MB."""

_POM = Path(__file__).with_name("pom.xml")


def kafka_jars(say: Callable[[str], None]) -> Path:
    """The folder with the jars; fetches them first if it has to. Raises :class:`BrokerStartFailed` if that fails."""
    return filled_once(f"kafka-{KAFKA_VERSION}", partial(_fetch, say))


def _fetch(say: Callable[[str], None], target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise _not_fetched("Maven (mvn), which fetches Apache Kafka, is not on the PATH.")
    say(f"Fetching Apache Kafka {KAFKA_VERSION} with Maven (43 MB, once, at most {FETCH_SECONDS} s).")
    try:
        done = subprocess.run(
            [maven, *_arguments(target)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _not_fetched(f"Maven did not fetch Apache Kafka {KAFKA_VERSION} within {FETCH_SECONDS} s.") from error
    if done.returncode != 0:
        raise _not_fetched(f"Maven could not fetch Apache Kafka {KAFKA_VERSION}: {_first_error(done.stdout)}")


def _arguments(target: Path) -> list[str]:
    # Maven 3.8 and older wait half an hour for an answer by default.
    patience = ["-Dmaven.wagon.http.connectionTimeout=10000", "-Dmaven.wagon.rto=30000"]
    what = [f"-Dkafka.version={KAFKA_VERSION}", f"-DoutputDirectory={target}"]
    return ["-B", "-q", "-Dstyle.color=never", "-f", str(_POM), *patience, *what, "dependency:copy-dependencies"]


def _first_error(output: str) -> str:
    errors = (line.removeprefix("[ERROR]").strip() for line in output.splitlines() if "[ERROR]" in line)
    return next((error for error in errors if error), "it gave no reason.")[:400]


def _not_fetched(happened: str) -> BrokerStartFailed:
    return BrokerStartFailed(happened, do_next="Correct that, or take the other engine: --engine tansu.")
