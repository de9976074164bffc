"""The demo's gateway: what goes wrong with it is told and costs no account, and Ctrl-C is how a stay ends."""

from __future__ import annotations

import pytest

from stream_app.demo.gateway_view import GatewayView, require_served, stay
from stream_app.errors import DemoFailed


class Child:
    """Is ready at once, and fails at the look of this number, with this."""

    def __init__(self, fails_at: int | None = None, fault: BaseException | None = None, address: str = "h:1") -> None:
        self._fails_at, self._fault, self._address = fails_at, fault or DemoFailed("It ended by itself."), address
        self.looks = 0

    def wait_until_ready(self) -> str:
        self.check()
        return self._address

    def check(self) -> None:
        self.looks += 1
        if self.looks == self._fails_at:
            raise self._fault


def test_a_gateway_that_is_ready_says_where_its_dashboard_is() -> None:
    said: list[str] = []
    gateway_view = GatewayView(Child(), said.append)
    gateway_view.wait_until_ready()
    assert "http://h:1/" in said[0]
    require_served(gateway_view)


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_gateway_that_fails_is_told_once_and_required_at_the_end(fails_at: int) -> None:
    said: list[str] = []
    gateway_view = GatewayView(Child(fails_at), said.append)
    gateway_view.wait_until_ready()
    for _ in range(2):
        with pytest.raises(DemoFailed, match="--no-gateway"):
            require_served(gateway_view)
    assert [text for text in said if "failed" in text] == [
        "The gateway failed; the requests are accounted for without it. It ended by itself."
    ]


def test_a_stay_ends_properly_with_ctrl_c() -> None:
    said: list[str] = []
    stay(GatewayView(Child(), said.append), Child(), [Child(2, KeyboardInterrupt())], "218908", said.append)
    assert "218908" in said[0]
    assert "Ending" in said[1]


def test_a_stay_ends_when_a_child_does() -> None:
    with pytest.raises(DemoFailed, match="ended by itself"):
        stay(GatewayView(Child(), print), Child(2), [], "218908", lambda _: None)
