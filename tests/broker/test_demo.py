"""The demo as a user runs it: exact accounts on both engines, and nothing left behind however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from stream_app.broker import Broker
from stream_app.demo.fault_injection import FAULTS
from stream_app.demo.run import run
from stream_app.demo.screen import Live, Screen
from stream_app.demo.startup import Options
from stream_app.errors import DemoFailed
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from tests.servers.demo_run import Run, asked, child_among, dashboard_of, processes_with, words_of
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


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


def test_every_request_has_one_output_and_the_summary_says_so(
    engine: str, demo: Callable[..., Run], tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"
    options = ("--requests", "2600", "--faults", "0.1", "--no-monitor", "--no-gateway", "--summary", str(summary))
    ran = demo("--engine", engine, *options)
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
    assert (figures["outcomes"], figures["windows"]) == (2_340, None)
    assert ran.left() == ([], [])


@pytest.mark.kafka
def test_the_whole_demo_runs_over_a_secured_broker_and_the_summary_says_so(
    demo: Callable[..., Run], tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"
    ran = demo("--secure", "--requests", "2600", "--summary", str(summary))
    assert ran.end() == 0, ran.output
    figures = json.loads(summary.read_bytes())
    assert (figures["secured"], figures["security_protocol"]) == (True, "SASL_SSL")
    assert (figures["decisions"] + figures["rejections"], figures["missing"], figures["duplicates"]) == (2_600, 0, 0)
    assert figures["windows"] > 0
    assert "each role has a user of its own" in ran.output
    assert ran.left() == ([], [])


def test_an_existing_broker_keeps_its_own_topics_and_no_other(
    broker: Broker, demo: Callable[..., Run], tmp_path: Path
) -> None:
    """Without faults and at a steady pace, for once, and watched. A client tried in mid-replay spoils no window."""
    before = topics_and_groups(broker)
    summary = tmp_path / "summary.json"
    options = ("--requests", "2400", "--faults", "0", "--rate", "1200", "--summary", str(summary))
    ran = demo("--kafka", broker.bootstrap, "--engine", broker.engine, *options)
    ran.has_said("Gateway: ready")
    assert asked(dashboard_of(ran) + "predict/218908") == 200
    assert ran.end() == 0, ran.output
    figures = json.loads(summary.read_bytes())
    assert (figures["decisions"], figures["rejections"]) == (2_400, 0)
    assert figures["seconds"] >= 2_399 / 1_200
    assert (figures["outcomes"], figures["windows"], figures["windows_drifted"]) == (2_400, 2, 0)
    assert "2005 Q1  2,400 " in ran.output
    wait_until(lambda: topics_and_groups(broker) == before, "the demo's topics and group are gone")
    assert ran.left() == ([], [])


def topics_and_groups(broker: Broker) -> tuple[set[str], set[str]]:
    with admin_client(KafkaConnection(broker.bootstrap)) as admin:
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


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_demo_in_a_scripts_background_ends_cleanly_though_sigint_is_ignored(
    how: signal.Signals, demo: Callable[..., Run]
) -> None:
    """A script's shell starts ``command &`` with SIGINT ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ran = demo("--engine", "tansu", "--rate", "1000", "--no-monitor")
    finally:
        signal.signal(signal.SIGINT, before)
    ran.has_said("decisions/s")
    ran.process.send_signal(how)
    assert ran.end() == 130, ran.output
    assert ran.left() == ([], [])
    assert "Traceback" not in ran.output


@pytest.mark.kafka
def test_an_interrupt_while_apache_kafka_starts_leaves_nothing(demo: Callable[..., Run]) -> None:
    ran = demo("--engine", "kafka", "--no-monitor", "--no-gateway")
    ran.has_said("Starting a broker")
    wait_until(lambda: any(Path(words_of(pid)[0]).name == "java" for pid in ran.processes()), "Java runs")
    ran.process.send_signal(signal.SIGINT)
    assert ran.end() == 130, ran.output
    assert ran.left() == ([], [])


def test_a_scorer_that_dies_ends_the_demo_with_the_end_of_its_log(demo: Callable[..., Run]) -> None:
    ran = demo("--engine", "tansu", "--rate", "500", "--no-monitor", "--no-gateway")
    ran.has_said("Scorer: ready")
    os.kill(child_among(ran.processes(), "worker"), signal.SIGKILL)
    assert ran.end() == DemoFailed.exit_status, ran.output
    assert "The scorer ended by itself. The last lines of its log:" in ran.output
    assert ran.left() == ([], [])


def test_a_monitor_that_dies_is_told_and_spoils_no_account(demo: Callable[..., Run], tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    ran = demo("--engine", "tansu", "--requests", "600", "--rate", "600", "--no-gateway", "--summary", str(summary))
    ran.has_said("Monitor: ready")
    os.kill(child_among(ran.processes(), "monitor"), signal.SIGKILL)
    assert ran.end() == DemoFailed.exit_status, ran.output
    assert "The monitor failed; the requests are accounted for without it. The monitor ended by itself." in ran.output
    figures = json.loads(summary.read_bytes())
    assert (figures["decisions"], figures["missing"], figures["windows"]) == (597, 0, 0)
    assert ran.left() == ([], [])


def test_a_demo_that_stays_answers_on_its_dashboard_until_ctrl_c(demo: Callable[..., Run]) -> None:
    """A client is tried in mid-replay, too, and spoils no account."""
    ran = demo(
        "--engine", "tansu", "--requests", "3000", "--rate", "1000", "--no-monitor", "--stay", "--gateway-port", "0"
    )
    ran.has_said("Gateway: ready")
    address = dashboard_of(ran)
    assert asked(address + "predict/no-such-client") == 404
    assert asked(address + "predict/218908") == 200
    ran.has_said("Everything stays until Ctrl-C")
    [metrics] = re.findall(r"http://\S+/metrics", ran.output)
    assert asked(metrics) == 200
    assert "Every one of the 3,000 requests has exactly one output" in ran.output
    assert asked(address + "predict/218914") == 200
    ran.process.send_signal(signal.SIGINT)
    assert ran.end() == 0, ran.output
    assert ran.left() == ([], [])


class Freezing(Screen):
    """A screen that freezes the scorer once it has decided something, and thaws it when the demo has given up."""

    def __init__(self, temporary: Path) -> None:
        super().__init__()
        self.temporary = temporary
        self.frozen: int | None = None
        self.tables: dict[str, dict[str, str]] = {}

    def show(self, live: Live) -> None:
        if live.decided and self.frozen is None:
            self.frozen = child_among(processes_with(self.temporary), "worker")
            os.kill(self.frozen, signal.SIGSTOP)

    def say(self, text: str) -> None:
        if text.startswith("Nothing came back") and self.frozen is not None:
            os.kill(self.frozen, signal.SIGCONT)

    def table(self, title: str, rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> None:  # noqa: ARG002
        self.tables[title] = {label: value for label, value, *_ in rows}


def test_when_nothing_comes_back_the_demo_gives_up_and_counts_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    screen = Freezing(tmp_path)
    with pytest.raises(DemoFailed, match="missing"):
        run(Options(engine="tansu", timeout_seconds=2.0, monitor=False, gateway=False), screen)
    assert screen.frozen is not None
    assert screen.tables["Summary"]["missing"] != "0"
    assert processes_with(tmp_path) == []
