"""Try a client: every state an answer can be in, in words and not by colour."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser import board_data
from tests.browser.fake_gateway import FakeGateway

pytestmark = pytest.mark.slow


def ask(page: Page, client_id: str) -> None:
    page.locator("#client").fill(client_id)
    page.keyboard.press("Enter")


def answered(page: Page, state: str) -> str:
    answer = page.locator(f"#answer[data-state={state}]")
    answer.wait_for()
    return answer.inner_text()


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        ("approved", ["Approved", "Probability of default 1.3%", "Below 6.8%"]),
        ("review", ["To review", "Probability of default 8.1%", "From 6.8% to below 11.4%"]),
        ("refused", ["Refused", "Probability of default 17.0%", "At or above 11.4%"]),
    ],
)
def test_enter_shows_the_outcome_and_where_the_probability_lies_between_the_cut_offs(
    page: Page, gateway: FakeGateway, outcome: str, shown: list[str]
) -> None:
    gateway.predicts("218908", outcome)
    ask(page, "218908")
    text = answered(page, "decided")
    assert [part for part in shown if part not in text] == []


def test_what_is_not_approved_has_its_reasons_strongest_first_as_factors_on_the_odds(
    page: Page, gateway: FakeGateway
) -> None:
    gateway.predicts("7", "refused")
    ask(page, "7")
    answered(page, "decided")
    reasons = page.locator("#answer ol li").all_inner_texts()
    assert [reason.split("\n") for reason in reasons] == [
        ["Amount requested for a business of this profile", "multiplies the odds of default by 1.86"],
        ["Loan performance in the industry of the business", "multiplies the odds of default by 1.51"],
        ["Length of time in business", "multiplies the odds of default by 1.20"],
    ]


def test_a_probability_just_below_a_cut_off_is_not_rounded_onto_it(page: Page, gateway: FakeGateway) -> None:
    near = board_data.decision("7", "approved") | {"probability_of_default": 0.06814}
    gateway.set_answer("/predict/7", near)
    ask(page, "7")
    text = answered(page, "decided")
    assert "Probability of default 6.81%" in text
    assert "Below 6.82%" in text


def test_an_unknown_client_is_named_and_the_reader_shown_how_to_look_it_up(page: Page, gateway: FakeGateway) -> None:
    gateway.set_answer("/predict/nobody", board_data.problem(404, "unknown_client", "No such client."), 404)
    ask(page, "nobody")
    text = answered(page, "unknown")
    assert "Unknown client" in text
    assert "stream-app clients show nobody" in text


def test_an_id_is_text_whatever_is_typed(page: Page, gateway: FakeGateway) -> None:
    typed = "<img src=x onerror=alert(1)>/../?#"
    ask(page, typed)
    assert f"no client “{typed}”" in answered(page, "unknown")
    assert page.locator("#answer img").count() == 0
    assert any(path.startswith("/predict/%3Cimg") for path in gateway.asked)


def test_a_late_decision_is_looked_for_until_it_is_there(page: Page, gateway: FakeGateway) -> None:
    gateway.set_answer("/predict/7", {"request_id": "r7"}, 202, Location="/decisions/r7")
    ask(page, "7")
    assert "Still being decided" in answered(page, "pending")
    gateway.set_answer("/decisions/r7", board_data.decision("7", "approved"))
    assert "Approved" in answered(page, "decided")


def test_a_broker_that_is_away_is_shown_in_the_gateways_own_words(page: Page, gateway: FakeGateway) -> None:
    body = board_data.problem(503, "broker_unreachable", "The broker does not answer.", "Ask again in a moment.")
    gateway.set_answer("/predict/7", body, 503)
    ask(page, "7")
    text = answered(page, "away")
    assert [part for part in ("Service away", "The broker does not answer.", "Ask again") if part not in text] == []


def test_a_gateway_that_is_gone_is_shown(page: Page, gateway: FakeGateway) -> None:
    gateway.cut(away=True)
    ask(page, "7")
    assert "Nothing was decided" in answered(page, "away")


def test_too_many_questions_are_shown_with_the_time_to_wait(page: Page, gateway: FakeGateway) -> None:
    gateway.set_answer("/predict/7", board_data.problem(429, "rate_limited", "Slower."), 429, Retry_After="12")
    ask(page, "7")
    assert "Try again in 12 s." in answered(page, "busy")


def test_a_profile_that_breaks_the_contract_is_shown_with_the_reason(page: Page, gateway: FakeGateway) -> None:
    body = board_data.problem(422, "invalid_profile", "employees must be at most 9999.", "Load the profile again.")
    gateway.set_answer("/predict/7", body, 422)
    ask(page, "7")
    text = answered(page, "problem")
    assert "employees must be at most 9999." in text
    assert "Load the profile again." in text


def test_a_missing_key_opens_the_field_for_one_and_it_is_sent_from_then_on(page: Page, gateway: FakeGateway) -> None:
    gateway.set_answer("/predict/7", board_data.problem(401, "no_key", "A key is needed."), 401)
    ask(page, "7")
    answered(page, "not_allowed")
    page.locator("#key").fill("secret")
    page.locator("#key").press("Enter")
    page.locator("#key-form").wait_for(state="hidden")
    page.locator("#connection[data-state=live]").wait_for()
    assert gateway.keys[-1] == "secret"


def test_an_empty_field_asks_for_an_id_and_asks_the_gateway_nothing(page: Page, gateway: FakeGateway) -> None:
    ask(page, "  ")
    assert "Type a client id first." in answered(page, "problem")
    assert not [path for path in gateway.asked if path.startswith("/predict")]
    expect(page.locator("#client")).to_have_attribute("aria-invalid", "true")


def test_an_example_is_asked_with_one_press(page: Page, gateway: FakeGateway) -> None:
    gateway.predicts("218908", "approved")
    page.get_by_role("button", name="218908").click()
    assert "Client 218908" in answered(page, "decided")


def test_the_answer_is_announced_and_the_focus_stays_in_the_field(page: Page, gateway: FakeGateway) -> None:
    gateway.predicts("7", "review")
    ask(page, "7")
    answered(page, "decided")
    expect(page.locator("#answer")).to_have_attribute("aria-live", "polite")
    expect(page.locator("#client")).to_be_focused()
