"""The demo's view of its monitor and its gateway: if one of them fails, the demo reports it and the replay goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from stream_app.errors import DemoFailed

_CHECK_SECONDS = 0.5

Say = Callable[[str], None]


class Child(Protocol):
    """What is needed of a child process."""

    name: str

    def wait_until_ready(self) -> str: ...

    def check(self) -> None: ...


class ChildView:
    """A failure of the child is reported once and kept as ``fault``; only :meth:`require_sound` raises for it."""

    def __init__(self, child: Child, ready_text: str, say: Say) -> None:
        """``ready_text``: what to say when it is ready, with ``{}`` for the ``HOST:PORT`` of its pages."""
        self.fault: DemoFailed | None = None
        self.address = ""
        self.child, self._ready_text, self._say = child, ready_text, say

    def wait_until_ready(self) -> None:
        """Wait until it is ready, and say where its pages are."""
        try:
            self.address = self.child.wait_until_ready()
            self._say(self._ready_text.format(self.address))
        except DemoFailed as fault:
            self.failed(fault)

    def failed(self, fault: DemoFailed) -> None:
        """Keep and report the first fault."""
        if self.fault is None:
            self.fault = fault
            self._say(f"The {self.child.name} failed; the requests are accounted for without it. {fault.happened}")

    def require_sound(self) -> None:
        """Raises DemoFailed when it failed or no longer runs."""
        try:
            self.child.check()
        except DemoFailed as fault:
            self.failed(fault)
        if self.fault:
            raise DemoFailed(
                f"The {self.child.name} failed, see above; every request is accounted for.",
                kept=f"The summary is complete but for what the {self.child.name} would have added.",
                do_next=f"Correct what it names and run it again, or leave it out with --no-{self.child.name}.",
            )


def stay(scorer: Child, others: Sequence[Child], gateway: ChildView, client_id: str, say: Say) -> None:
    """Keep everything running until Ctrl-C, which is the proper end. Raises DemoFailed when a child ends by itself.

    ``client_id``: a client to try the dashboard with.
    """
    try:
        scorer_address = scorer.wait_until_ready()
        say(
            f"Everything stays until Ctrl-C. The dashboard: http://{gateway.address}/ (try client {client_id}); "
            f"the scorer's metrics: http://{scorer_address}/metrics"
        )
        while True:
            for child in (scorer, *others):
                child.check()
            time.sleep(_CHECK_SECONDS)
    except KeyboardInterrupt:
        say("Ending and removing everything the demo started.")
