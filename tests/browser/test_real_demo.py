"""The board of a running demo: real broker, scorer, monitor and gateway, and a reader at the page."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, complaints
from tests.servers.demo_run import Run
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 90
"""For a monitor that closes its windows and writes their reports on a busy machine."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path, "--requests", "3000", "--rate", "500", "--stay", "--gateway-port", "0")
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.end()


def address_of(demo: Run) -> str:
    demo.has_said("the dashboard is at")
    address = re.search(r"the dashboard is at (\S+)", demo.output)
    assert address
    return address[1]


def test_a_reader_follows_the_replay_tries_clients_and_opens_a_report(
    demo: Run, open_page: OpenPage, pictures: Path
) -> None:
    page = open_page(address_of(demo))
    the_histogram_moves(page)
    wait_until(
        lambda: "Everything stays" in demo.output or demo.process.poll() is not None, "the replay is over", SECONDS
    )
    a_known_client_is_decided(page)
    an_unknown_client_is_shown(page)
    a_report_opens(page)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=pictures / "demo.png", full_page=True)
    the_documents_open(open_page(address_of(demo) + "docs"), pictures)
    # The one thing Chromium itself notes is the 404 of the unknown client.
    assert [line for line in complaints(page) if "404" not in line] == []
    demo.process.send_signal(signal.SIGINT)
    assert demo.end() == 0, demo.output


def the_histogram_moves(page: Page) -> None:
    total = page.locator("#figures .total strong")
    expect(page.locator("#histogram .mark").first).to_be_visible(timeout=SECONDS * 1000)
    table = page.locator("#histogram table")
    before, decided = table.text_content(), total.inner_text()
    expect(total).not_to_have_text(decided, timeout=SECONDS * 1000)
    expect(table).not_to_have_text(before or "", timeout=SECONDS * 1000)


def a_known_client_is_decided(page: Page) -> None:
    page.locator("#client").fill("218908")
    page.keyboard.press("Enter")
    answer = page.locator("#answer[data-state=decided]")
    expect(answer).to_contain_text("Probability of default 3.3%", timeout=SECONDS * 1000)
    expect(answer).to_contain_text("Approved")
    newest = page.locator("#decisions tbody tr").first
    expect(newest).to_contain_text("218908", timeout=SECONDS * 1000)


def an_unknown_client_is_shown(page: Page) -> None:
    page.locator("#client").fill("nobody")
    page.keyboard.press("Enter")
    expect(page.locator("#answer[data-state=unknown]")).to_contain_text("The client store has no client “nobody”.")


def a_report_opens(page: Page) -> None:
    link = page.get_by_role("link", name="Report of Jan 2005")
    expect(link).to_be_visible(timeout=SECONDS * 1000)
    with page.context.expect_page() as opened:
        link.click()
    expect(opened.value.locator("h1")).to_contain_text("2005-01")


def the_documents_open(page: Page, pictures: Path) -> None:
    page.locator("#operations-decisions-decide_requests_post").click()
    expect(page.locator(".opblock-body")).to_contain_text("my-first-request")
    page.screenshot(path=pictures / "docs.png")
    assert complaints(page) == []
