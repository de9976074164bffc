"""Apache Kafka's jars: fetched once by Maven, and checked against a committed list of hashes."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stream_app.broker.download_cache import filled_once
from stream_app.errors import BrokerStartFailed

KAFKA_VERSION = "4.4.0"
"""The newest release that the tests ran on. Needs Java 17. Its log4j binding is in pom.xml, its hashes in HASHES."""

FETCH_SECONDS = 300
"""Time-out of the whole fetch: 45 jars, 43 MB."""

HASHES = Path(__file__).with_name("kafka_jars.sha256.txt")
_POM = Path(__file__).with_name("pom.xml")


def kafka_jars(say: Callable[[str], None]) -> Path:
    """The folder with the jars, fetched first if need be. The check takes 55 ms.

    Raises :class:`BrokerStartFailed` if the fetch fails or a jar is not the listed one.
    """
    folder = filled_once(f"kafka-{KAFKA_VERSION}", partial(_fetch, say))
    _check(folder, f"Delete {folder}, so that they are fetched again")
    return folder


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
    _check(target, "Check the repository that Maven is set up to use")


def _check(folder: Path, do_next: str) -> None:
    """Raise :class:`BrokerStartFailed` unless ``folder`` holds just the listed jars: all go on the class path."""
    lines = (line.split() for line in HASHES.read_text().splitlines() if not line.startswith("#"))
    listed = {name: digest for digest, name in lines}
    jars = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in folder.glob("*.jar")}
    if wrong := sorted(name for name in listed.keys() | jars.keys() if listed.get(name) != jars.get(name)):
        shown = ", ".join(wrong[:3]) + (" and others" if len(wrong) > 3 else "")
        raise BrokerStartFailed(
            f"{len(wrong)} of Kafka's jars are missing, damaged or not those of version {KAFKA_VERSION}: {shown}.",
            kept="They were not used.",
            do_next=f"{do_next}, or take the other engine: --engine tansu.",
        )


def _arguments(target: Path) -> list[str]:
    # Maven 3.8 and older wait half an hour for an answer by default.
    timeouts = ["-Dmaven.wagon.http.connectionTimeout=10000", "-Dmaven.wagon.rto=30000"]
    what = [f"-Dkafka.version={KAFKA_VERSION}", f"-DoutputDirectory={target}"]
    return ["-B", "-q", "-Dstyle.color=never", "-f", str(_POM), *timeouts, *what, "dependency:copy-dependencies"]


def _first_error(output: str) -> str:
    errors = (line.removeprefix("[ERROR]").strip() for line in output.splitlines() if "[ERROR]" in line)
    return next((error for error in errors if error), "it gave no reason.")[:400]


def _not_fetched(happened: str) -> BrokerStartFailed:
    return BrokerStartFailed(happened, do_next="Correct that, or take the other engine: --engine tansu.")
