"""What is normal is no warning; what lasts or is anything else is logged as the library wrote it."""

from __future__ import annotations

import ast
import importlib
import inspect
import logging
from collections.abc import Iterator

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError, GroupLoadInProgressError, UnknownError

from stream_app.runtime.library_logs import BROKER_AWAY, EXPECTED, EpisodeFilter, Expected, ExpectedFilter

NO_COORDINATOR, REBALANCING = EXPECTED["aiokafka.consumer.group_coordinator"]
[NO_IDEMPOTENCE] = EXPECTED["aiokafka.producer.sender"]


class Library:
    """A library's logger with the filter of one expected message, and a clock that is moved by hand."""

    def __init__(self, expected: Expected) -> None:
        self.now = 0.0
        self.expected = expected
        self.logger = logging.getLogger("test.library")
        self.logger.addFilter(ExpectedFilter((expected,), lambda: self.now))

    def error(self, argument: object, *, at: float = 0.0) -> None:
        self.now = at
        self.logger.error(self.expected.message, argument)

    def close(self) -> None:
        self.logger.filters.clear()


@pytest.fixture
def library(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Library]:
    caplog.set_level(logging.INFO)
    made = Library(request.param)
    yield made
    made.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("library", [NO_COORDINATOR], indirect=True)
def test_what_is_normal_is_one_line_of_ours_however_often_the_library_repeats_it(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    for tenth in range(50):
        library.error(GroupCoordinatorNotAvailableError(), at=tenth / 10)
    assert lines(caplog) == [("INFO", NO_COORDINATOR.instead)]


@pytest.mark.parametrize("library", [NO_COORDINATOR], indirect=True)
def test_what_lasts_is_logged_as_the_library_wrote_it_every_ten_seconds(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(45):
        library.error(GroupCoordinatorNotAvailableError(), at=second)
    assert [level for level, _ in lines(caplog)] == ["INFO", "INFO", "INFO", "INFO", "ERROR"]
    assert "GroupCoordinatorNotAvailableError" in lines(caplog)[-1][1]


@pytest.mark.parametrize("library", [REBALANCING], indirect=True)
def test_what_comes_again_after_a_while_is_normal_again(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    library.error("group", at=0.0)
    library.error("group", at=500.0)
    assert [level for level, _ in lines(caplog)] == ["INFO", "INFO"]


@pytest.mark.parametrize("library", [NO_COORDINATOR], indirect=True)
def test_another_error_under_the_same_message_is_logged_as_it_is(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    library.error(GroupLoadInProgressError())
    assert [level for level, _ in lines(caplog)] == ["ERROR"]


@pytest.mark.parametrize("library", [NO_IDEMPOTENCE], indirect=True)
def test_a_broker_without_idempotence_is_named_by_whoever_starts_the_producer(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    library.error(UnknownError)
    assert lines(caplog) == []


def test_of_all_that_a_broker_that_is_away_causes_one_line_is_logged_an_episode(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = [0.0, 0.1, 30.0, 80.0, 141.0]  # the last two are further apart than a series may pause
    now = iter(time for time in times for _ in range(2))
    logger = logging.getLogger("test.away")
    logger.addFilter(EpisodeFilter(lambda: next(now)))
    for _ in times:
        logger.error("Unable to update metadata from %s", 1)
        logger.error("Failed fetch messages from %s: %s", 1, "away")
    logger.filters.clear()
    assert [record.getMessage() for record in caplog.records] == ["Unable to update metadata from 1"] * 2


@pytest.mark.parametrize(
    ("logger", "message"),
    [(name, expected.message) for name, listed in EXPECTED.items() for expected in listed]
    + [(name, message) for name, messages in BROKER_AWAY.items() for message in messages],
)
def test_each_expected_message_is_one_that_the_library_writes(logger: str, message: str) -> None:
    """A new version that words it otherwise brings the warnings back, and is noticed here."""
    source = ast.parse(inspect.getsource(importlib.import_module(logger)))
    assert message in {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
