"""Both client stores, each test with one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.clients import ClientStore, open_clients
from tests.servers.redis import RedisServer


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.redis)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store without clients."""
    if request.param == "sqlite":
        return str(tmp_path / "clients.db")
    server: RedisServer = request.getfixturevalue("redis_server")
    return server.url()


@pytest.fixture
def store(where: str) -> Iterator[ClientStore]:
    """An empty store there."""
    with open_clients(where, create=True) as made:
        yield made
