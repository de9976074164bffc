"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.redis_server import RedisMissing, RedisServer

# The same examples in every run, so that a red gate is red again; no verdict on speed, which a busy machine decides.
settings.register_profile("gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gate")


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
