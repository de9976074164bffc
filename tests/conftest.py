"""What holds for every test: which ones run, what is skipped, shared servers, and the last lines of a run."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.schema_registry import RegistryServer, running_registry
from tests.servers.tools import TOOLS, lack_of

# The same examples in every run, so that a red gate is red again; no verdict on speed, which a busy machine decides.
settings.register_profile("gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fuzz" if "FUZZ_EXAMPLES" in os.environ else "gate")

POSTGRES_BYTES = 2 * 1024**3

MARKERS_OF_FIXTURES = {
    "kafka_broker": "kafka",
    "tansu_broker": "tansu",
    "postgres": "postgres",
    "redis_server": "redis",
    "schema_registry": "registry",
    "browser": "browser",
}
"""A test is marked by the server it uses."""


def pytest_configure(config: pytest.Config) -> None:
    """Without a path and a marker expression, run all but the slow ones. Let the tests' children hear SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a script's background; children would inherit it
        signal.signal(signal.SIGINT, lambda *_: None)
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.markexpr:
        config.option.markexpr = "not slow"


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKERS_OF_FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKERS_OF_FIXTURES[fixture])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is missing; with REQUIRE_ALL_TOOLS=1 it runs, and fails with the reason."""
    if os.environ.get("REQUIRE_ALL_TOOLS") == "1":
        return
    for tool in (TOOLS[marker] for marker in TOOLS if item.get_closest_marker(marker)):
        if tool.find() is None:
            pytest.skip(lack_of(tool))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server, shared; each test takes a database of its own. In memory, where there is room."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > POSTGRES_BYTES
    server = Postgres("fsync=off", "full_page_writes=off", "autovacuum=off", parent=memory if roomy else None)
    yield server
    server.remove()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real server of this test alone."""
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def schema_registry() -> Iterator[RegistryServer]:
    """A real one, shared; each test takes subjects of its own."""
    with running_registry() as server:
        yield server


# ---- the last lines of a run -----------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Minutes by marker, the sum over all workers, of runs that take longer than one."""
    seconds: Counter[str] = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            seconds.update(dict.fromkeys(_markers(report), report.duration))
    if seconds.total() > 60:
        minutes = ", ".join(f"{marker} {taken / 60:.1f}" for marker, taken in seconds.most_common())
        terminalreporter.write_line(f"minutes by marker: {minutes}")


def _markers(report: pytest.TestReport) -> list[str]:
    ours = (*TOOLS, "tansu", "slow", "alone", "chaos", "proof")
    return [marker for marker in ours if marker in report.keywords] or ["none"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """The last line says which programs were missing."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # a worker of xdist
        return
    skipped = [report for report in reporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)]
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    if reasons:
        lines = (f"{count} {reason}" for reason, count in reasons.most_common())
        reporter.write_line(f"skipped: {'; '.join(lines)}")
