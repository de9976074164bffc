"""The demo as a user runs it: exact accounts on both engines, and nothing left behind however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from stream_app.admin import admin_client
from stream_app.broker import Broker
from stream_app.demo.run import Plan, run
from stream_app.demo.screen import Live, PlainScreen
from stream_app.errors import DemoFailed
from stream_app.faults import FAULTS
from tests.broker.conftest import ENGINES
from tests.broker.deployment import wait_until

pytestmark = pytest.mark.timeout(180)


class Run:
    """One ``stream-app demo`` with a temporary folder of its own, by which its processes are known too."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stream_app", "demo", *options],
            env=os.environ | {"TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def has_said(self, text: str) -> None:
        wait_until(lambda: text in self.output or self.process.poll() is not None, f"the demo says {text!r}")
        assert text in self.output

    def end(self) -> int:
        status = self.process.wait(timeout=120)
        self._reader.join(timeout=30)
        return status

    def processes(self) -> list[int]:
        """Those it started that still run, itself included."""
        return processes_with(self.temporary)

    def left(self) -> tuple[list[int], list[str]]:
        """Processes and files it left behind."""
        return self.processes(), [path.name for path in self.temporary.iterdir()]


def processes_with(temporary: Path) -> list[int]:
    """Processes that have this folder as TMPDIR in their environment."""
    mark = f"TMPDIR={temporary}\0".encode()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if mark in _read(pid, "environ")]


def scorer_among(pids: list[int]) -> int:
    """The one scorer among these processes; its keeper has the same last words but begins differently."""
    [found] = [pid for pid in pids if _words(pid)[1:] == ["-m", "stream_app", "worker"]]
    return found


def _words(pid: int) -> list[str]:
    return _read(pid, "cmdline").decode().rstrip("\0").split("\0")


def _read(pid: int, file: str) -> bytes:
    """A file of a process, empty when the process is gone or not ours."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    started: list[Run] = []

    def start(*options: str) -> Run:
        started.append(Run(tmp_path, *options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.end()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine that can be had here; the session's own Kafka says whether that one can."""
    name = str(request.param)
    request.getfixturevalue(f"{name}_broker")
    return name


def test_every_request_has_one_output_and_the_summary_says_so(
    engine: str, demo: Callable[..., Run], tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"
    ran = demo("--engine", engine, "--requests", "2600", "--faults", "0.1", "--summary", str(summary))
    assert ran.end() == 0, ran.output
    figures = json.loads(summary.read_bytes())
    assert (figures["requests"], figures["decisions"], figures["rejections"]) == (2_600, 2_340, 260)
    assert (figures["missing"], figures["duplicates"]) == (0, 0)
    assert figures["approved"] + figures["review"] + figures["refused"] == 2_340
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p99_ms"]
    assert figures["decisions_per_second"] == pytest.approx(2_340 / figures["seconds"], rel=0.01)
    for kind in FAULTS:
        assert f"{kind} " in ran.output
    assert "Every one of the 2,600 requests has exactly one output" in ran.output
    assert ran.left() == ([], [])


def test_an_existing_broker_keeps_its_own_topics_and_no_other(
    broker: Broker, demo: Callable[..., Run], tmp_path: Path
) -> None:
    """Without faults and at a steady pace, for once."""
    before = topics_and_groups(broker)
    summary = tmp_path / "summary.json"
    options = ("--requests", "300", "--faults", "0", "--rate", "150", "--summary", str(summary))
    ran = demo("--kafka", broker.bootstrap, "--engine", broker.engine, *options)
    assert ran.end() == 0, ran.output
    figures = json.loads(summary.read_bytes())
    assert (figures["decisions"], figures["rejections"]) == (300, 0)
    assert figures["seconds"] >= 299 / 150
    wait_until(lambda: topics_and_groups(broker) == before, "the demo's topics and group are gone")
    assert ran.left() == ([], [])


def topics_and_groups(broker: Broker) -> tuple[set[str], set[str]]:
    with admin_client(broker.bootstrap) as admin:
        topics = {topic for topic in admin.list_topics() if topic.startswith("demo-")}
        groups = {group["group_id"] for group in admin.list_groups()}
        return topics, {group for group in groups if group.startswith("demo-")}


@pytest.mark.parametrize(("moment", "how"), [("Broker:", signal.SIGTERM), ("decisions/s", signal.SIGINT)])
def test_an_interrupt_at_any_moment_leaves_no_process_and_no_file(
    moment: str, how: signal.Signals, demo: Callable[..., Run]
) -> None:
    """While the scorer starts, and in the middle of the replay; while the broker starts: the next test."""
    ran = demo("--engine", "tansu", "--rate", "1000")
    ran.has_said(moment)
    ran.process.send_signal(how)
    assert ran.end() == 130, ran.output
    assert ran.left() == ([], [])
    assert "Traceback" not in ran.output


@pytest.mark.kafka
@pytest.mark.usefixtures("kafka_broker")
def test_an_interrupt_while_apache_kafka_starts_leaves_nothing(demo: Callable[..., Run]) -> None:
    ran = demo("--engine", "kafka")
    ran.has_said("Starting a broker")
    wait_until(lambda: any(Path(_words(pid)[0]).name == "java" for pid in ran.processes()), "Java runs")
    ran.process.send_signal(signal.SIGINT)
    assert ran.end() == 130, ran.output
    assert ran.left() == ([], [])


def test_a_scorer_that_dies_ends_the_demo_with_the_end_of_its_log(demo: Callable[..., Run]) -> None:
    ran = demo("--engine", "tansu", "--rate", "500")
    ran.has_said("Scorer: ready")
    os.kill(scorer_among(ran.processes()), signal.SIGKILL)
    assert ran.end() == DemoFailed.exit_status, ran.output
    assert "The scorer ended by itself. The last lines of its log:" in ran.output
    assert ran.left() == ([], [])


class Freezing(PlainScreen):
    """A screen that freezes the scorer once it has decided something, and thaws it when the demo has given up."""

    def __init__(self, temporary: Path) -> None:
        super().__init__()
        self.temporary = temporary
        self.frozen: int | None = None
        self.tables: dict[str, dict[str, str]] = {}

    def show(self, live: Live) -> None:
        if live.decided and self.frozen is None:
            self.frozen = scorer_among(processes_with(self.temporary))
            os.kill(self.frozen, signal.SIGSTOP)

    def say(self, text: str) -> None:
        if text.startswith("Nothing came back") and self.frozen is not None:
            os.kill(self.frozen, signal.SIGCONT)

    def table(self, title: str, lines: Sequence[tuple[str, str]]) -> None:
        self.tables[title] = dict(lines)


def test_when_nothing_comes_back_the_demo_gives_up_and_counts_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    screen = Freezing(tmp_path)
    with pytest.raises(DemoFailed, match="missing"):
        run(Plan(engine="tansu", patience_seconds=2.0), screen)
    assert screen.frozen is not None
    assert screen.tables["Summary"]["missing"] != "0"
    assert processes_with(tmp_path) == []
