"""Kafka's jars in the cache: the listed files and no others; the folder of an earlier version is still used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from stream_app.broker.download_cache import filled_once
from stream_app.broker.kafka_download import HASHES, KAFKA_VERSION, kafka_jars
from stream_app.errors import BrokerStartFailed

JARS = {"kafka.jar": b"broker", "log4j.jar": b"logging"}


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the jars in the cache, and the list of their hashes beside the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    hashes = tmp_path / "hashes.txt"
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in JARS.items()]
    hashes.write_text("# a comment\n" + "".join(lines))
    monkeypatch.setattr("stream_app.broker.kafka_download.HASHES", hashes)
    return fill(tmp_path / "loan-stream-scorer" / f"kafka-{KAFKA_VERSION}")


def fill(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, content in JARS.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_listed_jars_are_used_without_a_fetch(jars: Path) -> None:
    assert kafka_jars(print) == jars


@pytest.mark.parametrize(("name", "content"), [("kafka.jar", b"changed"), ("kafka.jar", b""), ("extra.jar", b"broker")])
def test_a_changed_or_additional_jar_is_refused_by_name(jars: Path, name: str, content: bytes) -> None:
    (jars / name).write_bytes(content)
    with pytest.raises(BrokerStartFailed, match=rf"^1 of .*: {name}\. They were not used\. Delete {jars}, .*tansu"):
        kafka_jars(print)


def test_a_missing_jar_is_refused_by_name(jars: Path) -> None:
    (jars / "log4j.jar").unlink()
    with pytest.raises(BrokerStartFailed, match=r"missing, damaged or not those of version .*: log4j\.jar\."):
        kafka_jars(print)


def test_a_download_of_other_files_is_not_kept(jars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text('#!/bin/sh\nfor a in "$@"; do case $a in -DoutputDirectory=*) mkdir "${a#*=}"; esac; done\n')
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}:/usr/bin:/bin")
    jars.rename(tmp_path / "elsewhere")
    with pytest.raises(BrokerStartFailed, match=r"2 of .*Check the repository that Maven is set up to use"):
        kafka_jars(lambda _: None)
    assert not jars.exists()


def test_the_committed_list_names_every_jar_once_with_the_broker_of_this_version() -> None:
    entries = [line.split() for line in HASHES.read_text().splitlines() if not line.startswith("#")]
    names = [name for _, name in entries]
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in names
    assert len(set(names)) == len(names)
    assert {len(digest) for digest, _ in entries} == {64}


def test_what_an_earlier_version_cached_is_found_and_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_app.broker.download_cache.user_cache_path", lambda *_, **__: tmp_path / "Caches")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))

    def fetch(folder: Path) -> None:
        fill(folder)

    earlier = fill(tmp_path / ".cache" / "loan-stream-scorer" / "jars")
    assert filled_once("jars", fetch) == earlier
    assert filled_once("others", fetch) == tmp_path / "Caches" / "others"
