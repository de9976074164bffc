"""Starting and stopping: nothing is left behind, however the parent ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stream_app.broker import Choice, start_broker
from stream_app.broker.ports import free_ports
from stream_app.errors import BrokerStartFailed, PortTaken, SettingsError
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames, check_topics, create_topics
from tests.servers.waiting import wait_until


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where brokers of this test, in whatever process, put their folders."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def group_is_gone(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_stopped_broker_leaves_no_process_and_no_folder(engine: Choice, temporary: Path) -> None:
    with start_broker(engine) as broker:
        assert [folder.name[:18] for folder in temporary.iterdir()] == ["stream-app-broker-"]
        assert os.getpgid(broker.pid) != os.getpgid(0), "Ctrl-C in the terminal must not reach it"
    assert group_is_gone(broker.pid)
    assert broker.ended()
    assert list(temporary.iterdir()) == []
    broker.stop()


def run_in_foreground(engine: str) -> tuple[subprocess.Popen[str], int]:
    """``stream-app broker`` once it has printed that it is ready, and its port."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "stream_app", "broker", "--engine", engine, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"Broker ready at 127.0.0.1:{port}. ")
    return process, port


def refuses_connections(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.tansu
def test_the_command_ends_cleanly_on_a_signal(how: signal.Signals, temporary: Path) -> None:
    process, port = run_in_foreground("tansu")
    process.send_signal(how)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert output.endswith("Broker stopped.\n")
    assert refuses_connections(port)
    assert list(temporary.iterdir()) == []


def test_a_broker_goes_with_its_folder_when_its_parent_is_killed(engine: Choice, temporary: Path) -> None:
    process, port = run_in_foreground(engine)
    process.kill()
    process.communicate(timeout=30)
    wait_until(lambda: refuses_connections(port), "the broker is gone", 20)
    wait_until(lambda: not list(temporary.iterdir()), "its folder is gone", 20)


@pytest.mark.tansu
def test_a_taken_port_is_refused_before_anything_starts(temporary: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortTaken, match="0 takes a free one"):
        start_broker("tansu", port=taken.getsockname()[1])
    assert list(temporary.iterdir()) == []


@pytest.mark.tansu
def test_a_broker_that_loses_the_race_for_its_port_is_not_mistaken_for_the_winner(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_app.broker.start.require_free", lambda _: None)  # it was free when we looked
    with start_broker("tansu") as winner, pytest.raises(PortTaken, match="another Kafka broker"):
        start_broker("tansu", port=int(winner.bootstrap.rpartition(":")[2]))
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.kafka
def test_a_data_folder_keeps_the_records_from_one_run_to_the_next(tmp_path: Path) -> None:
    with start_broker("kafka", data_dir=tmp_path) as broker:
        create_topics(KafkaConnection(broker.bootstrap), 2)
        assert str(tmp_path) in broker.description
        with pytest.raises(BrokerStartFailed, match="Another broker uses the folder"):
            start_broker("kafka", data_dir=tmp_path)
    with start_broker("kafka", data_dir=tmp_path) as broker:
        assert check_topics(KafkaConnection(broker.bootstrap), names=TopicNames()) == 2


@pytest.mark.kafka
def test_a_broker_that_dies_early_shows_the_last_lines_of_its_log(tmp_path: Path) -> None:
    meta = tmp_path / "data" / "meta.properties"
    meta.parent.mkdir()
    meta.write_text("version=1\ncluster.id=KKKKKKKKKKKKKKKKKKKKKA\nnode.id=77\n")
    with pytest.raises(BrokerStartFailed, match=r"ended while it started(.|\n)*Stored node id 77"):
        start_broker("kafka", data_dir=tmp_path)
    assert meta.exists(), "a folder of the user is never deleted"


def test_a_binary_that_dies_early_shows_its_output(
    temporary: Path, executable: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", str(executable("tansu", "echo no such option >&2; exit 2")))
    with pytest.raises(BrokerStartFailed, match="no such option"):
        start_broker("tansu")
    assert not list(temporary.glob("stream-app-broker-*"))


@pytest.mark.kafka
@pytest.mark.parametrize("taken", ["data folder", "data folder/server.properties/x"])
def test_a_data_folder_that_cannot_be_used_is_named(taken: str, tmp_path: Path) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).touch()
    with pytest.raises(BrokerStartFailed, match=r"data folder .*/data folder cannot be used"):
        start_broker("kafka", data_dir=tmp_path / "data folder")


def test_tansu_refuses_a_data_folder_because_it_would_keep_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in memory"):
        start_broker("tansu", data_dir=tmp_path)
