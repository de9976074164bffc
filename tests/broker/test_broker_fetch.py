"""Without Java, Maven or the network: a clear reason, the other engine, and a cache that is never half filled.

The executables are five-line scripts; the real ones are used by every test that takes ``kafka_broker``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stream_app.broker import start_broker
from stream_app.broker.kafka_download import KAFKA_VERSION, kafka_jars
from stream_app.errors import BrokerStartFailed

JAVA_17 = """echo 'openjdk version "17.0.2" 2022-01-18' >&2"""


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Java, no Maven, an empty cache, and no jars that would have to be in it."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "no-jars.txt").touch()
    monkeypatch.setattr("stream_app.broker.kafka_download.HASHES", tmp_path / "no-jars.txt")


def cached(tmp_path: Path) -> list[str]:
    return sorted(entry.name for entry in tmp_path.glob("cache/*/*") if not entry.name.endswith(".lock"))


def test_kafka_without_java_says_what_is_missing_and_names_the_other_engine() -> None:
    with pytest.raises(BrokerStartFailed, match=r"Java 17.*not on the PATH.*--engine tansu"):
        start_broker("kafka")


@pytest.mark.tansu
def test_auto_falls_back_to_tansu_and_says_why_in_one_sentence() -> None:
    lines: list[str] = []
    with start_broker("auto", say=lines.append) as broker:
        assert (broker.engine, broker.transactions) == ("tansu", False)
        assert "no transactions" in broker.description
    assert lines == ["Taking the tansu engine: Apache Kafka needs Java 17 or newer; java is not on the PATH."]


def test_auto_with_a_data_folder_does_not_fall_back_to_a_broker_that_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(BrokerStartFailed, match="Java 17"):
        start_broker("auto", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("java", "reason"),
    [
        ("""echo 'openjdk version "11.0.2" 2019-01-15' >&2""", "is version 11.0.2"),
        ("""echo 'java version "1.8.0_201"' >&2""", "is version 1.8.0_201"),
        ("exit 1", "does not print its version"),
    ],
)
def test_a_java_that_cannot_run_kafka_is_named(java: str, reason: str, executable: Callable[[str, str], Path]) -> None:
    executable("java", java)
    with pytest.raises(BrokerStartFailed, match=reason):
        start_broker("kafka")


def test_kafka_without_maven_says_so(executable: Callable[[str, str], Path]) -> None:
    executable("java", JAVA_17)
    with pytest.raises(BrokerStartFailed, match="Maven"):
        start_broker("kafka")


def test_a_failed_fetch_gives_mavens_reason_and_leaves_nothing_in_the_cache(
    tmp_path: Path, executable: Callable[[str, str], Path]
) -> None:
    executable("mvn", "echo '[ERROR] no route to host'; exit 1")
    with pytest.raises(BrokerStartFailed, match="no route to host"):
        kafka_jars(print)
    assert cached(tmp_path) == []


def test_a_fetch_has_a_time_out(
    tmp_path: Path, executable: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_app.broker.kafka_download.FETCH_SECONDS", 0.3)
    executable("mvn", "exec /bin/sleep 30")
    with pytest.raises(BrokerStartFailed, match=r"within 0\.3 s"):
        kafka_jars(print)
    assert cached(tmp_path) == []


def test_a_failed_format_gives_kafkas_reason_and_leaves_nothing_behind(
    tmp_path: Path, executable: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "cache" / "loan-stream-scorer" / f"kafka-{KAFKA_VERSION}").mkdir(parents=True)
    executable("java", f'[ "$1" = -version ] && {JAVA_17} && exit 0; echo the disk is full; exit 1')
    with pytest.raises(BrokerStartFailed, match=r"could not format(.|\n)*the disk is full"):
        start_broker("kafka")
    assert cached(tmp_path) == [f"kafka-{KAFKA_VERSION}"]
    assert not list(tmp_path.glob("stream-app-broker-*"))


def test_two_that_need_the_jars_at_once_fetch_them_once(tmp_path: Path, executable: Callable[[str, str], Path]) -> None:
    (tmp_path / "cache" / "loan-stream-scorer" / f"kafka-{KAFKA_VERSION}.partial").mkdir(parents=True)  # was killed
    executable("mvn", f'for a in "$@"; do case $a in -DoutputDirectory=*) /bin/mkdir "${{a#*=}}"; esac; done;'
                      f" echo x >> {tmp_path}/fetches")  # fmt: skip
    both = [threading.Thread(target=kafka_jars, args=(print,)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert (tmp_path / "fetches").read_text() == "x\n"
    assert cached(tmp_path) == [f"kafka-{KAFKA_VERSION}"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BrokerStartFailed, match="XDG_CACHE_HOME"):
        kafka_jars(print)
