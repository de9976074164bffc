"""Clusters of Apache Kafka for the tests of this folder: where they cannot be had, a skip that names the reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from stream_app.errors import BrokerStartFailed

Started = TypeVar("Started")


def started_or_skipped(start: Callable[[], Started]) -> Started:
    """What ``start`` gives. Without Java, Maven or the jars the test is skipped, or fails if REQUIRE_KAFKA=1."""
    try:
        return start()
    except BrokerStartFailed as error:
        if os.environ.get("REQUIRE_KAFKA") == "1":
            raise
        pytest.skip(error.happened)
