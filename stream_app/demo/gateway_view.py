"""The demo's gateway as the demo sees it, and the time after the replay in which everything stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from stream_app.errors import DemoFailed

_LOOK_SECONDS = 0.5

Say = Callable[[str], None]


class Child(Protocol):
    """What is needed of a child worker."""

    def wait_until_ready(self) -> str: ...

    def check(self) -> None: ...


class GatewayView:
    """What goes wrong with the gateway is told at once and kept as ``fault``; it spoils no account of the requests."""

    def __init__(self, gateway: Child, say: Say) -> None:
        self.fault: DemoFailed | None = None
        self.address = ""
        self.gateway, self._say = gateway, say

    def wait_until_ready(self) -> None:
        """Wait until it reaches the broker, and say where the dashboard is."""
        try:
            self.address = f"http://{self.gateway.wait_until_ready()}/"
            self._say(f"Gateway: ready; the dashboard is at {self.address}")
        except DemoFailed as fault:
            self._failed(fault)

    def check(self) -> None:
        """See whether it still runs."""
        try:
            self.gateway.check()
        except DemoFailed as fault:
            self._failed(fault)

    def _failed(self, fault: DemoFailed) -> None:
        if self.fault is None:
            self.fault = fault
            self._say(f"The gateway failed; the requests are accounted for without it. {fault.happened}")


def require_served(gateway_view: GatewayView | None) -> None:
    """Raises DemoFailed when the gateway of the demo failed."""
    if gateway_view:
        gateway_view.check()
        if gateway_view.fault:
            raise DemoFailed(
                "The gateway failed, see above; every request is accounted for.",
                kept="The summary is complete.",
                do_next="Correct what it names and run it again, or leave it out with --no-gateway.",
            )


def stay(gateway_view: GatewayView, scorer: Child, others: Sequence[Child], client_id: str, say: Say) -> None:
    """Keep everything running until Ctrl-C, which is the proper end. Raises DemoFailed when a child ends by itself.

    ``client_id``: somebody to try the dashboard with.
    """
    try:
        scorer.wait_until_ready()
        say(f"Everything stays until Ctrl-C. The dashboard: {gateway_view.address} (try client {client_id}).")
        while True:
            for child in (gateway_view.gateway, scorer, *others):
                child.check()
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        say("Ending and removing everything the demo started.")
