"""A picture of each view, for a person to look at: laptop and phone, light and dark, English and French."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.fake_gateway import FakeGateway

pytestmark = pytest.mark.slow

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
VIEWS: dict[str, dict[str, Any]] = {
    "laptop-light": {"viewport": LAPTOP},
    "laptop-dark": {"viewport": LAPTOP, "color_scheme": "dark"},
    "laptop-french": {"viewport": LAPTOP, "locale": "fr-FR"},
    "phone-light": {"viewport": PHONE},
    "phone-dark-french": {"viewport": PHONE, "color_scheme": "dark", "locale": "fr-FR"},
}


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_pictured(view: str, open_page: OpenPage, gateway: FakeGateway, pictures: Path) -> None:
    gateway.predicts("218908", "refused")
    page = open_page(gateway.url, **VIEWS[view])
    page.locator("#client").fill("218908")
    page.keyboard.press("Enter")
    page.locator("#answer[data-state=decided]").wait_for()
    page.locator("#drift table").wait_for()
    page.screenshot(path=pictures / f"{view}.png", full_page=True)
    assert (pictures / f"{view}.png").stat().st_size > 10_000
