"""The page as a whole: languages, light and dark, small screens, keyboard, and nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from stream_app.gateway.static_files import STATIC
from tests.browser.conftest import OpenPage, complaints
from tests.browser.fake_gateway import FakeGateway

pytestmark = pytest.mark.slow


def test_french_is_chosen_by_the_browser_or_by_the_reader_and_remembered(page: Page, gateway: FakeGateway) -> None:
    gateway.predicts("7", "review")
    page.locator("#client").fill("7")
    page.keyboard.press("Enter")
    page.locator("#answer[data-state=decided]").wait_for()
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("#answer")).to_contain_text("À examiner")
    expect(page.locator("#answer")).to_contain_text("Probabilité de défaut 8,1 %")
    expect(page.locator("#answer")).to_contain_text("Ancienneté de l’entreprise")
    page.reload()
    expect(page.locator("#drift-title")).to_have_text("Dérive des variables")


def test_a_french_browser_is_greeted_in_french(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page(gateway.url, locale="fr-FR")
    expect(page.locator("#figures-title")).to_have_text("Chiffres clés")
    expect(page.locator("#figures .total")).to_contain_text(re.compile(r"73\s747 décisions"))


def test_both_languages_have_the_same_words_with_the_same_blanks() -> None:
    english, french = (_words(language) for language in ("en", "fr"))
    assert english == french


def _words(language: str) -> dict[str, list[str]]:
    lines = (STATIC / "words" / f"{language}.js").read_text().splitlines()
    matches = (re.match(r'\s+(?:"([\w.]+)"|(\w+)): "(.*)",$', line) for line in lines)
    return {match[1] or match[2]: sorted(set(re.findall(r"\{\w+\}", match[3]))) for match in matches if match}


def test_every_word_the_page_asks_for_is_there() -> None:
    sources = [*STATIC.glob("*.js"), *(STATIC / "charts").glob("*.js"), STATIC / "index.html"]
    asked = {
        key
        for path in sources
        for key in re.findall(r'(?:\bt\(|data-text=|data-aria-label=)"([\w.]+)"', path.read_text())
    }
    words = _words("en")
    assert {key for key in asked if key not in words and f"{key}.other" not in words} == set()


def test_dark_follows_the_system_until_the_reader_says_otherwise(open_page: OpenPage, gateway: FakeGateway) -> None:
    page = open_page(gateway.url, color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Dark mode").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("width", [320, 360, 390, 768, 1280])
def test_no_width_scrolls_sideways(open_page: OpenPage, gateway: FakeGateway, width: int) -> None:
    gateway.predicts("7", "refused")
    page = open_page(gateway.url, viewport={"width": width, "height": 800}, locale="fr-FR")
    page.locator("#client").fill("7")
    page.keyboard.press("Enter")
    page.locator("#answer[data-state=decided]").wait_for()
    page.locator("#drift table").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width


LINES_OF_THE_STATE = """
const state = document.querySelector(".tiles dd"), range = document.createRange();
range.selectNodeContents([...state.childNodes].filter(node => node.textContent.trim()).at(-1));
range.getClientRects().length
"""


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("width", [320, 500, 600, 660, 768])
def test_no_width_cuts_the_service_s_state_in_two(
    open_page: OpenPage, gateway: FakeGateway, width: int, locale: str
) -> None:
    page = open_page(gateway.url, viewport={"width": width, "height": 800}, locale=locale)
    page.locator(".tiles dd").first.wait_for()
    assert page.evaluate(LINES_OF_THE_STATE) == 1


def test_nothing_is_asked_of_anybody_else_and_the_console_stays_silent(
    open_page: OpenPage, gateway: FakeGateway
) -> None:
    page = open_page("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(gateway.url)
    page.locator("#connection[data-state=live]").wait_for()
    page.locator("#drift table").wait_for()
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(gateway.url).netloc}
    assert complaints(page) == []


def test_the_tab_key_goes_from_the_skip_link_over_the_tools_to_the_field(page: Page) -> None:
    page.locator("#examples").wait_for()
    order = []
    for _ in range(8):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate("(e => e.id || e.getAttribute('aria-label') || e.textContent)(document.activeElement)")
        )
    tools = ["EN, English", "FR, Français", "theme"]
    assert order == ["Skip to the content", *tools, "client", "Decide", "218908", "218915"]


def test_the_skip_link_leads_to_the_content(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#client")).to_be_focused()


ROLES: tuple[Literal["banner", "main", "contentinfo"], ...] = ("banner", "main", "contentinfo")


def test_the_page_has_its_landmarks_and_each_section_its_heading(page: Page) -> None:
    for role in ROLES:
        expect(page.get_by_role(role)).to_have_count(1)
    headings = page.locator("main section > h2")
    expect(headings).to_have_count(8)
    expect(page.get_by_role("region", name="Key figures", exact=True)).to_be_visible()


def test_no_file_has_inline_code_or_styles_or_an_address_elsewhere() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert [path.name for path in files if _breaks_policy(path)] == []


def _breaks_policy(path: Path) -> bool:
    text = path.read_text().replace("http://www.w3.org/", "")
    return bool(re.search(r'https?://|<script>|\bon\w+="|style="|innerHTML|eval\(|@import|setAttribute\("style"', text))
