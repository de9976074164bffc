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
from stream_app.demo.environment import Environment, borrowed_broker, own_broker
from stream_app.demo.fault_injection import faults_among, with_faults
from stream_app.demo.gateway_view import GatewayView, require_served
from stream_app.demo.loan_book import LabelSchedule, Replay
from stream_app.demo.monitor_view import PATIENCE_SECONDS, Expected, MonitorView, require_watched
from stream_app.demo.reconciliation import Account, Ledger
from stream_app.demo.replay import ReplayJob, replay_all
from stream_app.demo.screen import Screen
from stream_app.demo.sender import Pace
from stream_app.demo.startup import Folders, Options, Processes, start, stay_on
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


def run(options: Options, screen: Screen) -> Summary:
    """Run the demo and say how it went.

    Raises DemoFailed unless every request has exactly one output of the expected kind and the monitor saw it all; the
    summary is out by then.
    """
    with like_ctrl_c(), ExitStack() as stack:
        try:
            return _run(options, screen, stack)
        except KeyboardInterrupt:
            screen.say("Interrupted; ending and removing everything the demo started.")
            raise
        finally:
            ignore_interrupts()


def _run(options: Options, screen: Screen, stack: ExitStack) -> Summary:
    folders = Folders(*(_folder(stack) for _ in Folders._fields))
    processes = Processes(stack.enter_context(_broker(options, screen)), folders, [])
    stack.callback(stop_all, processes.children)
    environment = processes.environment
    screen.say(f"Broker: {environment.bootstrap}. {environment.meaning}")
    replay, participants, gateway_view = start(options, processes, screen)
    ledger = Ledger()
    with screen:
        outcomes = asyncio.run(
            replay_all(_job(options, environment, replay), ledger, environment.wire, participants, screen)
        )
    account = ledger.account(wanted=len(replay))
    kept = ("engine", environment.meaning), ("delivery", DELIVERY[environment.guarantee])
    screen.table("Summary", [*account_lines(account), *kept])
    if participants.monitor_view and account.is_complete:
        expected = Expected(decisions=account.decisions, outcomes=outcomes)
        _look(options, expected, participants.monitor_view, screen)
    else:
        _compare_years(ledger, replay, screen)
    summary = _end(options, screen, account, outcomes, participants.monitor_view, gateway_view)
    if options.stay and gateway_view:
        stay_on(processes, gateway_view, replay, screen)
    return summary


def _folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-app-", ignore_cleanup_errors=True)))


def _broker(options: Options, screen: Screen) -> AbstractContextManager[Environment]:
    if options.kafka:
        return borrowed_broker(options.kafka, options.engine, screen.say)
    return own_broker(options.engine, screen.say)


def _job(options: Options, environment: Environment, replay: Replay) -> ReplayJob:
    faulty = faults_among(len(replay), options.faults, options.seed)  # a loan that got no decision has no outcome
    outcomes = [outcome for at, outcome in enumerate(replay.outcomes) if at not in faulty]
    return ReplayJob(
        messages=with_faults(replay.requests, options.faults, options.seed, MAX_REQUEST_BYTES),
        total=len(replay),
        truth=LabelSchedule(outcomes, replay.requests),
        pace=Pace(rate=options.rate, step_seconds=environment.pace_step_seconds),
        patience_seconds=options.patience_seconds,
    )


def _look(options: Options, expected: Expected, monitor_view: MonitorView, screen: Screen) -> None:
    """Wait for the monitor to see it all, and show what it saw."""
    screen.say("The monitor closes the last windows and joins the truth that became known after the last request.")
    asyncio.run(monitor_view.wait_for(expected, PATIENCE_SECONDS))
    if windows := monitor_view.drift_windows.windows:
        screen.table("What the monitor saw of loans that default within 36 months", quarter_rows(windows), HEADER)
        screen.table("Its alarms", alarm_lines(windows))
        screen.say(DRIFT_HINT)
        if options.keep:
            files = reports_in(options.keep, [event.window.id for event in windows])
            asyncio.run(monitor_view.wait_for_reports(files, PATIENCE_SECONDS))
            screen.say(kept_text(options.keep, files))


def _compare_years(ledger: Ledger, replay: Replay, screen: Screen) -> None:
    """The model against the truth, without a monitor's help."""
    if years := by_year(ledger.answers_in_order(), replay.years, replay.defaulted):
        screen.table("Share of loans that defaulted within 36 months", year_lines(years))
        screen.say(DRIFT_HINT)


def _end(
    options: Options,
    screen: Screen,
    account: Account,
    outcomes: int,
    monitor_view: MonitorView | None,
    gateway_view: GatewayView | None,
) -> Summary:
    summary = Summary.of(account, outcomes, monitor_view.drift_windows.windows if monitor_view else None)
    if options.summary:
        summary.write(options.summary)
    require_complete(account)
    require_watched(monitor_view)
    require_served(gateway_view)
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
