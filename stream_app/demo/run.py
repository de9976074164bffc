"""The demo from start to end. Everything it starts is ended and removed with it, whatever ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import FrameType

import msgspec

from stream_app.demo.child_process import ChildProcess, stop_all
from stream_app.demo.child_settings import CLIENTS_FILE, MAX_REQUEST_BYTES, kept_text, reports_in, start_scorer
from stream_app.demo.child_view import stay
from stream_app.demo.drift_summary import HEADER, alarm_lines, conclusion, quarter_rows
from stream_app.demo.environment import Environment, existing_broker, own_broker
from stream_app.demo.fault_injection import faults_among, with_faults
from stream_app.demo.loan_book import LabelSchedule, Replay
from stream_app.demo.monitor_view import TIMEOUT_SECONDS, Expected, MonitorView
from stream_app.demo.reconciliation import Ledger
from stream_app.demo.replay import ReplayJob, run_replay
from stream_app.demo.screen import Screen
from stream_app.demo.sender import Pace
from stream_app.demo.startup import Folders, Options, start
from stream_app.demo.summary import (
    Summary,
    account_lines,
    by_year,
    require_complete,
    verdict,
    year_conclusion,
    year_lines,
)
from stream_app.formats.opening import Formats
from stream_app.settings import ConnectionSettings
from stream_app.tables.columns import read_contract

DELIVERY = {
    "exactly_once": "Exactly once: the decisions of a batch and its offsets in the requests are committed in one "
    "transaction. Killed at any moment, the scorer would have left neither a gap nor a duplicate.",
    "at_least_once": "At least once: every decision is on the broker before its request counts as done. Had the scorer "
    "been killed, some requests would have been decided again.",
}
REGISTRY_SECONDS = 10.0
"""How long a schema registry is waited for."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: Options, screen: Screen) -> Summary:
    """Run the demo and print how it went.

    Raises DemoFailed unless every request has exactly one output of the expected kind and the monitor saw it all; the
    summary is out by then.
    """
    with interruptible(), ExitStack() as stack:
        try:
            return _run(options, screen, stack)
        except KeyboardInterrupt:
            screen.say("Interrupted; ending and removing everything the demo started.")
            raise
        finally:
            ignore_interrupts()


def _run(options: Options, screen: Screen, stack: ExitStack) -> Summary:
    folders = Folders(*(_folder(stack) for _ in Folders._fields))
    environment = stack.enter_context(_environment(options, screen))
    environment = msgspec.structs.replace(environment, registry=options.avro)
    formats = environment.formats(read_contract(None))
    formats.prepare(formats.requests, formats.outcomes, wait_seconds=REGISTRY_SECONDS, say=screen.say)
    children: list[ChildProcess] = []
    stack.callback(stop_all, children)
    screen.say(f"Broker: {environment.connection}. {environment.description}")
    replay, scorer, monitor, gateway = start(options, environment, folders, children, screen)
    ledger = Ledger()
    with screen:
        labels = asyncio.run(
            run_replay(_job(options, environment, replay, formats), ledger, environment, scorer, monitor, screen)
        )
    account = ledger.account(wanted=len(replay))
    about = (
        ("engine", environment.description),
        ("security", environment.security),
        ("delivery", DELIVERY[environment.guarantee]),
    )
    screen.table("Summary", [*account_lines(account), *about])
    if monitor and account.is_complete:
        _show_windows(options, Expected(decisions=account.decisions, labels=labels), monitor, screen)
    else:
        _show_years(ledger, replay, screen)
    windows = monitor.windows.in_order() if monitor else None
    summary = Summary.of(account, labels, windows, environment.connection_as("scorer").security_protocol)
    if options.summary:
        summary.write(options.summary)
    require_complete(account)
    for view in (monitor, gateway):
        if view:
            view.require_sound()
    screen.say(verdict(account))
    if options.stay and gateway:
        others = children[1:]  # the replay's scorer has ended, so that its accounts are final
        children.append(second := start_scorer(environment, folders.second_scorer, folders.gateway / CLIENTS_FILE))
        stay(second, others, gateway, replay.requests[0].client_id, screen.say)
    return summary


def _folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-app-", ignore_cleanup_errors=True)))


def _environment(options: Options, screen: Screen) -> AbstractContextManager[Environment]:
    if options.kafka:
        connection = ConnectionSettings.read(kafka=options.kafka).connection
        return existing_broker(connection, options.engine, screen.say)
    return own_broker(options.engine, screen.say, secured=options.secure)


def _job(options: Options, environment: Environment, replay: Replay, formats: Formats) -> ReplayJob:
    faulty = faults_among(len(replay), options.faults, options.seed)  # a loan that got no decision has no label
    labels = [label for index, label in enumerate(replay.labels) if index not in faulty]
    return ReplayJob(
        messages=with_faults(replay.requests, options.faults, options.seed, MAX_REQUEST_BYTES, formats.requests),
        total=len(replay),
        labels=LabelSchedule(labels, replay.requests, formats.outcomes),
        decisions=formats.decisions,
        pace=Pace(rate=options.rate, step_seconds=environment.pace_step_seconds),
        timeout_seconds=options.timeout_seconds,
    )


def _show_windows(options: Options, expected: Expected, monitor: MonitorView, screen: Screen) -> None:
    """Wait until the monitor has seen everything, and show what it found."""
    screen.say("The monitor closes the last windows and joins the labels that became known after the last request.")
    asyncio.run(monitor.wait_for(expected, TIMEOUT_SECONDS))
    if not (windows := monitor.windows.in_order()):
        return
    screen.table("What the monitor saw of loans that default within 36 months", quarter_rows(windows), HEADER)
    screen.table("Its alarms", alarm_lines(windows))
    screen.say(conclusion(windows))
    if options.keep:
        ids = [event.window.id for event in windows]
        files = reports_in(options.keep, ids)
        asyncio.run(monitor.wait_for_reports(files, TIMEOUT_SECONDS))
        screen.say(kept_text(options.keep, files, ids[-1]))


def _show_years(ledger: Ledger, replay: Replay, screen: Screen) -> None:
    """Predicted against observed defaults, without a monitor."""
    if years := by_year(ledger.answers_in_order(), replay.years, replay.defaulted):
        screen.table("Share of loans that defaulted within 36 months", year_lines(years))
        screen.say(year_conclusion(years))


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP do what Ctrl-C does, also inside an event loop. The main thread only.

    What the parent made us ignore stays ignored: SIGINT in a script's background job, SIGHUP under ``nohup``.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_interrupts() -> None:
    """From here to the end of :func:`interruptible` nothing interrupts; what follows must be bounded in time."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Call the handler of SIGINT, asyncio's as a rule. Raising SIGINT would do nothing where the parent ignores it."""
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(signal.SIGINT, frame)
