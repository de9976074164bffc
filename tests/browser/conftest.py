"""A Chromium for the tests of the page, and a page on a gateway of canned answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.fake_gateway import FakeGateway
from tests.servers.tools import TOOLS

MILLISECONDS = 15_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of a module and not of the session: playwright keeps an event loop running in this thread, in which no other test
    could run one of its own.
    """
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []  # its sandbox does not work for root
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=TOOLS["browser"].find(), args=[*as_root, "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    fake = FakeGateway()
    yield fake
    fake.stop()


OpenPage = Callable[..., Page]
_COMPLAINTS: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()


def complaints(page: Page) -> list[str]:
    """Errors and warnings on a page's console so far."""
    return _COMPLAINTS[page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens an address as a reader whose browser has these properties (viewport, locale, color_scheme ...)."""
    contexts = []

    def open_it(url: str, **properties: Any) -> Page:
        context = browser.new_context(**({"locale": "en-GB", "viewport": {"width": 1280, "height": 800}} | properties))
        context.set_default_timeout(MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        logged = _COMPLAINTS.setdefault(page, [])
        page.on(
            "console", lambda message: logged.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda fault: logged.append(str(fault)))
        page.goto(url)
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage, gateway: FakeGateway) -> Page:
    """The board of the fake gateway, live."""
    opened = open_page(gateway.url)
    opened.locator("#connection[data-state=live]").wait_for()
    return opened


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: BOARD_PICTURES, or a folder of the run."""
    folder = Path(os.environ.get("BOARD_PICTURES") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
