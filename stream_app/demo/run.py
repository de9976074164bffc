"""The demo from start to end. Everything it starts is ended and removed with it, whatever ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from stream_app.demo.child_process import stop_all
from stream_app.demo.child_settings import MAX_REQUEST_BYTES, kept_text, reports_in
from stream_app.demo.drift_summary import HEADER, alarm_lines, quarter_rows
from stream_app.demo.environment import Place, borrowed_broker, own_broker
from stream_app.demo.fault_injection import faults_among, with_faults
from stream_app.demo.gateway_view import Front, require_served
from stream_app.demo.loan_book import Replay, Truth
from stream_app.demo.monitor_view import PATIENCE_SECONDS, Expected, Onlooker, require_watched
from stream_app.demo.reconciliation import Account, Ledger
from stream_app.demo.replay import Job, exchange
from stream_app.demo.screen import Screen
from stream_app.demo.sender import Pace
from stream_app.demo.startup import Folders, Plan, Stage, start, stay_on
from stream_app.demo.summary import Summary, account_lines, by_year, require_complete, verdict, year_lines

DELIVERY = {
    "exactly_once": "Exactly once: the decisions of a batch and its place in the requests are committed in one "
    "transaction. Killed at any moment, the scorer would have left neither a gap nor a double.",
    "at_least_once": "At least once: every decision is on the broker before its request counts as done. Had the scorer "
    "been killed, some requests would have been decided again.",
}
DRIFT_HINT = (
    "The model learned from 2001-2004 and predicts some 5% in every year, while the loans of 2006-2008 go bad. Inputs "
    "that drift say that it sees other applications than it knew; what that costs only outcomes show, and years later."
)

_ALIKE = (signal.SIGTERM, signal.SIGHUP)


def run(plan: Plan, screen: Screen) -> Summary:
    """Run the demo and say how it went.

    Raises DemoFailed unless every request has exactly one output of the expected kind and the monitor saw it all; the
    summary is out by then.
    """
    with like_ctrl_c(), ExitStack() as stack:
        try:
            return _run(plan, screen, stack)
        except KeyboardInterrupt:
            screen.say("Interrupted; ending and removing everything the demo started.")
            raise
        finally:
            ignore_interrupts()


def _run(plan: Plan, screen: Screen, stack: ExitStack) -> Summary:
    folders = Folders(*(_folder(stack) for _ in Folders._fields))
    stage = Stage(stack.enter_context(_place(plan, screen)), folders, [])
    stack.callback(stop_all, stage.children)
    place = stage.place
    screen.say(f"Broker: {place.bootstrap}. {place.meaning}")
    replay, cast, front = start(plan, stage, screen)
    ledger = Ledger()
    with screen:
        outcomes = asyncio.run(exchange(_job(plan, place, replay), ledger, place.wire, cast, screen))
    account = ledger.account(wanted=len(replay))
    kept = ("engine", place.meaning), ("delivery", DELIVERY[place.guarantee])
    screen.table("Summary", [*account_lines(account), *kept])
    if cast.onlooker and account.is_complete:
        expected = Expected(decisions=account.decisions, outcomes=outcomes)
        _look(plan, expected, cast.onlooker, screen)
    else:
        _compare_years(ledger, replay, screen)
    summary = _end(plan, screen, account, outcomes, cast.onlooker, front)
    if plan.stay and front:
        stay_on(stage, front, replay, screen)
    return summary


def _folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-app-", ignore_cleanup_errors=True)))


def _place(plan: Plan, screen: Screen) -> AbstractContextManager[Place]:
    if plan.kafka:
        return borrowed_broker(plan.kafka, plan.engine, screen.say)
    return own_broker(plan.engine, screen.say)


def _job(plan: Plan, place: Place, replay: Replay) -> Job:
    faulty = faults_among(len(replay), plan.faults, plan.seed)  # a loan that got no decision has no outcome
    outcomes = [outcome for at, outcome in enumerate(replay.outcomes) if at not in faulty]
    return Job(
        messages=with_faults(replay.requests, plan.faults, plan.seed, MAX_REQUEST_BYTES),
        total=len(replay),
        truth=Truth(outcomes, replay.requests),
        pace=Pace(rate=plan.rate, step_seconds=place.pace_step_seconds),
        patience_seconds=plan.patience_seconds,
    )


def _look(plan: Plan, expected: Expected, onlooker: Onlooker, screen: Screen) -> None:
    """Wait for the monitor to see it all, and show what it saw."""
    screen.say("The monitor closes the last windows and joins the truth that became known after the last request.")
    asyncio.run(onlooker.wait_for(expected, PATIENCE_SECONDS))
    if windows := onlooker.sightings.windows:
        screen.table("What the monitor saw of loans that default within 36 months", quarter_rows(windows), HEADER)
        screen.table("Its alarms", alarm_lines(windows))
        screen.say(DRIFT_HINT)
        if plan.keep:
            files = reports_in(plan.keep, [event.window.id for event in windows])
            asyncio.run(onlooker.wait_for_reports(files, PATIENCE_SECONDS))
            screen.say(kept_text(plan.keep, files))


def _compare_years(ledger: Ledger, replay: Replay, screen: Screen) -> None:
    """The model against the truth, without a monitor's help."""
    if years := by_year(ledger.answers_in_order(), replay.years, replay.defaulted):
        screen.table("Share of loans that defaulted within 36 months", year_lines(years))
        screen.say(DRIFT_HINT)


def _end(
    plan: Plan, screen: Screen, account: Account, outcomes: int, onlooker: Onlooker | None, front: Front | None
) -> Summary:
    summary = Summary.of(account, outcomes, onlooker.sightings.windows if onlooker else None)
    if plan.summary:
        summary.write(plan.summary)
    require_complete(account)
    require_watched(onlooker)
    require_served(front)
    screen.say(verdict(account))
    return summary


@contextlib.contextmanager
def like_ctrl_c() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP do what Ctrl-C does, also inside an event loop. The main thread only."""
    before = {number: signal.signal(number, _pass_on) for number in _ALIKE}
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        for number, handler in {**before, signal.SIGINT: interrupt}.items():
            signal.signal(number, handler)


def ignore_interrupts() -> None:
    """From here on to the end of :func:`like_ctrl_c` nothing interrupts; what follows must be bounded in time."""
    for number in (signal.SIGINT, *_ALIKE):
        signal.signal(number, signal.SIG_IGN)


def _pass_on(_number: int, _frame: Any) -> None:
    signal.raise_signal(signal.SIGINT)
