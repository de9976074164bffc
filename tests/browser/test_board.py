"""The board's panels: what they show, live and not, and what they say when there is nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import board_data
from tests.browser.conftest import OpenPage
from tests.browser.fake_gateway import FakeGateway

pytestmark = pytest.mark.slow


def test_the_key_figures_are_the_states(page: Page) -> None:
    text = page.locator("#figures").inner_text()
    wanted = ["73,747", "75.8%", "12,616", "7.1%", "Operational", "74,118", "6.8% · 11.4%", "eee1472eed3b", "101"]
    assert [figure for figure in wanted if figure not in text] == []


def test_rejections_are_in_words_most_frequent_first(page: Page) -> None:
    reasons = page.locator("#rejections tbody th").all_inner_texts()
    assert [reason.strip() for reason in reasons][2:] == [
        "unknown client",
        "not a JSON document",
        "no value in the record",
    ]


def test_many_reasons_are_cut_short_until_asked_for(page: Page, gateway: FakeGateway) -> None:
    gateway.set_answer("/board/state", board_data.state(rejections={f"reason_{n}": 20 - n for n in range(13)}))
    expect(page.locator("#rejections tbody tr")).to_have_count(8)
    page.get_by_role("button", name="Show 5 more reasons").click()
    expect(page.locator("#rejections tbody tr")).to_have_count(13)


def test_many_features_are_cut_to_those_that_drifted_most(open_page: OpenPage, gateway: FakeGateway) -> None:
    names = [f"feature_{n}" for n in range(122)]
    ratio = [[n / 50] for n in range(122)]
    gateway.set_answer("/board/drift", {"windows": ["2006-01"], "features": names, "ratio": ratio, "reports": {}})
    page = open_page(gateway.url)
    expect(page.locator("#drift tbody th").first).to_have_text("feature 121")
    expect(page.locator("#drift tbody tr")).to_have_count(16)
    page.get_by_role("button", name="Show 106 more features").click()
    expect(page.locator("#drift tbody tr")).to_have_count(122)


def test_the_last_ten_decisions_have_sign_word_probability_and_reasons(page: Page) -> None:
    rows = page.locator("#decisions tbody tr")
    expect(rows).to_have_count(10)
    cells = rows.nth(1).locator("td").all_inner_texts()
    assert cells[1:4] == ["218915", "To review", "8.3%"]
    assert cells[4].split("\n")[0] == "Amount requested for a business of this profile"
    expect(rows.nth(1).locator("svg.glyph")).to_have_count(1)


def test_the_histogram_moves_when_the_stream_says_so(page: Page, gateway: FakeGateway) -> None:
    bar = page.locator("#histogram .mark").nth(8)
    before = bar.get_attribute("aria-label")
    gateway.set_answer("/board/histogram", board_data.histogram(shift=0.06))
    expect(bar).not_to_have_attribute("aria-label", before or "")


def test_a_chart_that_has_the_focus_stands_still_until_it_is_left(page: Page, gateway: FakeGateway) -> None:
    bar = page.locator("#histogram .mark").first
    bar.focus()
    before = bar.get_attribute("aria-label")
    gateway.set_answer("/board/histogram", board_data.histogram(shift=0.06))
    gateway.set_answer("/board/state", board_data.state(clients=5))
    expect(page.locator("#figures")).to_contain_text("Known clients\n5", use_inner_text=True)
    assert bar.get_attribute("aria-label") == before
    page.locator("#client").focus()
    expect(page.locator("#histogram .mark").first).not_to_have_attribute("aria-label", before or "")


def test_arrow_keys_move_through_a_charts_values_which_are_one_tab_stop(page: Page) -> None:
    marks = page.locator("#histogram .mark")
    marks.first.focus()
    page.keyboard.press("ArrowRight")
    expect(marks.nth(1)).to_be_focused()
    expect(page.locator("#histogram .readout")).to_have_text(
        "from 1% to below 2%: 9.8% of the decisions, 14.9% of the reference sample"
    )
    page.keyboard.press("End")
    expect(marks.last).to_be_focused()
    expect(page.locator("#histogram .mark[tabindex='0']")).to_have_count(1)


def test_a_table_that_was_opened_stays_open_and_follows_the_stream(page: Page, gateway: FakeGateway) -> None:
    page.locator("#histogram summary").click()
    page.locator("#client").focus()
    cell = page.locator("#histogram tbody td").first
    before = cell.inner_text()
    gateway.set_answer("/board/histogram", board_data.histogram(shift=0.06))
    expect(cell).not_to_have_text(before)
    expect(cell).to_be_visible()


@pytest.mark.parametrize(("chart", "rows"), [("histogram", 16), ("outcomes", 48), ("performance", 48)])
def test_every_chart_has_a_title_and_its_values_as_a_table(page: Page, chart: str, rows: int) -> None:
    host = page.locator(f"#{chart}")
    host.locator("svg.chart title").wait_for(state="attached")
    host.locator("summary").click()
    expect(host.locator("tbody tr")).to_have_count(rows)
    assert host.locator("caption").text_content() == host.locator("svg.chart title").text_content()


def test_the_performance_chart_says_the_newest_verdict_on_calibration(page: Page) -> None:
    expect(page.locator("#performance .verdict")).to_have_text("▲Dec 2007: Risk estimated too low")
    last = page.locator("#performance .mark").last
    expect(last).to_have_attribute("aria-label", "Dec 2008: estimated 5.1%, no results known yet")


def test_a_drifted_cell_has_a_sign_and_a_number_beside_its_colour(page: Page) -> None:
    cell = page.locator("#drift td.drifted").first
    expect(cell).to_contain_text("▲")
    expect(cell).to_contain_text("drifted")
    assert float(cell.inner_text().split()[-1].lstrip("▲")) >= 1.0


def test_a_window_too_small_to_judge_is_no_zero(page: Page) -> None:
    expect(page.locator("#drift tbody tr").first.locator("td").first).to_contain_text("too few decisions to judge")


def test_the_name_of_a_window_opens_its_report(page: Page) -> None:
    link = page.get_by_role("link", name="Report of Dec 2008")
    expect(page.locator("#drift thead a")).to_have_count(12)
    with page.context.expect_page() as opened:
        link.click()
    assert opened.value.locator("h1").inner_text() == "Report 2008-12"


def test_an_empty_board_says_what_to_do(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.empty()
    page = open_page(gateway.url)
    for panel, command in {
        "figures": "stream-app produce --sample 100",
        "histogram": "stream-app produce --sample 100",
        "decisions": "stream-app produce --sample 100",
        "outcomes": "stream-app monitor",
        "drift": "stream-app monitor",
        "performance": "stream-app produce --outcomes FILE",
    }.items():
        expect(page.locator(f"#{panel} code")).to_have_text(command)
    expect(page.locator("#rejections")).to_contain_text("No rejections")


def test_rejections_that_are_not_known_yet_are_no_zero(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.set_answer("/board/state", board_data.state(rejections=None, operational=False, lag=None))
    page = open_page(gateway.url)
    expect(page.locator("#rejections")).to_have_text("Not known before the broker has been reached.")
    expect(page.locator("#figures")).to_contain_text("Rejections\n–", use_inner_text=True)


def test_a_panel_that_cannot_be_read_says_why_and_the_others_go_on(open_page: OpenPage, gateway: FakeGateway) -> None:
    gateway.set_answer("/board/drift", board_data.problem(503, "store", "The decision store does not answer."), 503)
    page = open_page(gateway.url)
    expect(page.locator("#drift")).to_contain_text("The decision store does not answer.")
    expect(page.locator("#outcomes .mark")).to_have_count(48)


def test_a_lost_stream_falls_back_to_polling(page: Page, gateway: FakeGateway) -> None:
    gateway.cut(away=False)
    expect(page.locator("#connection")).to_have_text("Live, every 3 s")
    gateway.set_answer("/board/state", board_data.state(clients=5))
    expect(page.locator("#figures")).to_contain_text("Known clients\n5", use_inner_text=True)


def test_a_lost_connection_is_shown_with_its_time_and_the_figures_stay(page: Page, gateway: FakeGateway) -> None:
    gateway.cut(away=True)
    expect(page.locator("#connection")).to_have_text("Connection lost")
    expect(page.locator("#banner")).to_contain_text("No connection to the gateway since")
    expect(page.locator("#figures")).to_contain_text("73,747")
    gateway.come_back()
    expect(page.locator("#banner")).to_be_hidden()


def test_a_gateway_that_cannot_decide_is_shown(page: Page, gateway: FakeGateway) -> None:
    gateway.set_answer("/board/state", board_data.state(operational=False, lag=None))
    expect(page.locator("#banner")).to_contain_text("cannot decide now")
    expect(page.locator("#figures")).to_contain_text("Degraded")
