"""Decision stores on both engines, each test with one of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring.store import DecisionStore
from tests.servers.postgres import Postgres

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Each call gives the URL of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        return lambda: str(tmp_path / f"{next(_numbers)}.db")
    server: Postgres = request.getfixturevalue("postgres")
    return lambda: server.new_database(f"test{next(_numbers)}")


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """An empty database."""
    return new_url()


@pytest.fixture
def store(url: str) -> Iterator[DecisionStore]:
    """An empty store there."""
    with DecisionStore.open(url) as opened:
        yield opened
