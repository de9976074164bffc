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
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Each call gives the URL of an empty database, on each engine in turn."""
    if request.param == "sqlite":
        yield lambda: str(tmp_path / f"{next(_numbers)}.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    names: list[str] = []

    def new_database() -> str:
        names.append(f"test{next(_numbers)}")
        return server.new_database(names[-1])

    yield new_database
    for name in names:
        server.drop_database(name)


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """An empty database."""
    return new_url()


@pytest.fixture
def store(url: str) -> Iterator[DecisionStore]:
    """An empty store there."""
    with DecisionStore.open(url) as opened:
        yield opened
