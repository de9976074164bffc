"""A child that may fail without spoiling the accounts: reported once, required at the end; and how a stay ends."""

from __future__ import annotations

import pytest

from stream_app.demo.child_view import ChildView, stay
from stream_app.errors import DemoFailed


class Child:
    """Is ready at once, and raises this fault at its check of this number."""

    name = "gateway"

    def __init__(self, fails_at: int | None = None, fault: BaseException | None = None, address: str = "h:1") -> None:
        self._fails_at, self._fault, self._address = fails_at, fault or DemoFailed("It ended by itself."), address
        self.checks = 0

    def wait_until_ready(self) -> str:
        self.check()
        return self._address

    def check(self) -> None:
        self.checks += 1
        if self.checks == self._fails_at:
            raise self._fault


def view(child: Child, printed: list[str]) -> ChildView:
    made = ChildView(child, "Gateway: ready; the dashboard is at http://{}/", printed.append)
    made.wait_until_ready()
    return made


def test_a_child_that_is_ready_prints_where_its_pages_are() -> None:
    printed: list[str] = []
    view(Child(), printed).require_sound()
    assert printed == ["Gateway: ready; the dashboard is at http://h:1/"]


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_child_that_fails_is_reported_once_and_fails_the_demo_at_its_end(fails_at: int) -> None:
    printed: list[str] = []
    gateway = view(Child(fails_at), printed)
    for _ in range(2):
        with pytest.raises(DemoFailed, match="--no-gateway"):
            gateway.require_sound()
    assert [text for text in printed if "failed" in text] == [
        "The gateway failed; the requests are accounted for without it. It ended by itself."
    ]


def test_a_stay_prints_the_addresses_that_last_and_ends_properly_with_ctrl_c() -> None:
    printed: list[str] = []
    gateway = Child(address="h:2")
    stay(Child(address="h:3"), [gateway, Child(2, KeyboardInterrupt())], view(gateway, []), "218908", printed.append)
    assert "http://h:2/ (try client 218908)" in printed[0]
    assert "http://h:3/metrics" in printed[0]
    assert "Ending" in printed[1]


def test_a_stay_ends_when_a_child_does() -> None:
    with pytest.raises(DemoFailed, match="ended by itself"):
        stay(Child(2), [], view(Child(), []), "218908", lambda _: None)
