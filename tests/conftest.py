"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.redis import RedisMissing, RedisServer

# The same examples in every run, so that a red gate is red again; no verdict on speed, which a busy machine decides.
settings.register_profile("gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gate")


ON_BROKERS = (
    *("liveness", "memory_bound", "once", "doubts", "tail", "clients_on_redis"),
    *("demo", "gateway", "gateway_load", "monitor", "proof", "produce_and_read", "broker_fetch"),
)
LONG = (
    *("tests/chaos", "tests/browser", "tests/proof", "tests/contract/test_gateway_openapi.py"),
    *(f"tests/broker/test_{name}.py" for name in ON_BROKERS),
)
"""Whole systems watched for minutes. A run of everything leaves them out unless it is told to take its time."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is long, unless ALL_TESTS=1 or paths were named."""
    if os.environ.get("ALL_TESTS") == "1" or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    takes_long = pytest.mark.skip(reason="takes minutes: runs with ALL_TESTS=1, as in .ci/run, or when named")
    for item in items:
        if item.nodeid.startswith(LONG):
            item.add_marker(takes_long)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real server of this test alone; where it is not installed the test is skipped, or fails if REQUIRE_REDIS=1."""
    try:
        server = RedisServer()
    except RedisMissing as missing:
        if os.environ.get("REQUIRE_REDIS") == "1":
            raise
        pytest.skip(str(missing))
    yield server
    server.stop()
