"""The demo from start to end. Everything it starts is ended and removed with it, whatever ends it."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import msgspec

from stream_app.broker import Choice
from stream_app.clients import SQLiteClients
from stream_app.demo.exchange import Job, exchange
from stream_app.demo.interrupts import ignore_interrupts, like_ctrl_c
from stream_app.demo.place import PARTITIONS, Place, borrowed_broker, own_broker
from stream_app.demo.scorer import Scorer
from stream_app.demo.screen import Screen
from stream_app.demo.sender import Pace
from stream_app.demo.summary import Summary, account_lines, by_year, require_complete, verdict, year_lines
from stream_app.demo.wire import Wire
from stream_app.faults import with_faults
from stream_app.ledger import Ledger
from stream_app.simulator import Replay, read_replay
from stream_app.tables import read_contract

MAX_REQUEST_BYTES = 65_536

DELIVERY = (
    "At least once: every decision is on the broker before its request counts as done. Had the scorer been killed, "
    "some requests would have been decided again."
)
DRIFT_HINT = (
    "The model learned from 2001-2004. Its predictions stay where they were while the loans of 2006-2008 go bad: "
    "nothing in a single decision shows that, only outcomes that come years later."
)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay. ``requests``: None for all; ``rate``: per second, None for as fast as they are taken;
    ``faults``: share made bad, 0..1; ``kafka``: an existing broker, on which ``engine`` runs, instead of a new one;
    ``patience_seconds``: how long nothing may come back before the demo gives up.
    """

    engine: Choice = "auto"
    kafka: str | None = None
    requests: int | None = None
    rate: float | None = None
    faults: float = 0.005
    seed: int = 1
    summary: Path | None = None
    patience_seconds: float = 30.0


def run(plan: Plan, screen: Screen) -> Summary:
    """Run the demo and say how it went.

    Raises DemoFailed unless every request has exactly one output of the expected kind; the summary is out by then.
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
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stream-app-", ignore_cleanup_errors=True)))
    place = stack.enter_context(_place(plan, screen))
    screen.say(f"Broker: {place.bootstrap}. {place.meaning}")
    with SQLiteClients(folder / "clients.db", create=True) as clients:
        scorer = Scorer(folder, _settings(place, folder / "clients.db"))
        stack.callback(scorer.stop)
        replay = read_replay(read_contract(None), plan.requests)  # while the scorer starts: it imports for seconds
        clients.put_many(replay.profiles)
    screen.say(f"Scorer: ready; its metrics are at http://{scorer.wait_until_ready()}/metrics")
    ledger = Ledger()
    with screen:
        asyncio.run(_exchange(plan, place, replay, ledger, scorer, screen))
    return _report(plan, place, replay, ledger, screen)


def _place(plan: Plan, screen: Screen) -> AbstractContextManager[Place]:
    if plan.kafka:
        return borrowed_broker(plan.kafka, plan.engine, screen.say)
    return own_broker(plan.engine, screen.say)


def _settings(place: Place, clients: Path) -> dict[str, object]:
    return {
        "kafka": place.bootstrap,
        "group": place.group,
        "topic_prefix": place.prefix,
        "clients": clients,
        "web_port": 0,
        "max_request_bytes": MAX_REQUEST_BYTES,
        "fetch_max_wait_seconds": place.fetch_wait_seconds,
        "rebalance_timeout_seconds": place.rebalance_timeout_seconds,
    }


async def _exchange(plan: Plan, place: Place, replay: Replay, ledger: Ledger, scorer: Scorer, screen: Screen) -> None:
    wire = Wire(
        bootstrap=place.bootstrap,
        names=place.names,
        partitions=PARTITIONS,
        fetch_wait_seconds=place.fetch_wait_seconds,
    )
    job = Job(
        messages=with_faults(replay.requests, plan.faults, plan.seed, MAX_REQUEST_BYTES),
        total=len(replay),
        pace=Pace(rate=plan.rate, step_seconds=place.pace_step_seconds),
        patience_seconds=plan.patience_seconds,
    )
    await exchange(job, ledger, wire, scorer, screen)


def _report(plan: Plan, place: Place, replay: Replay, ledger: Ledger, screen: Screen) -> Summary:
    account = ledger.account(wanted=len(replay))
    summary = Summary.of(account)
    engine_lines = [("engine", place.meaning), ("delivery", DELIVERY)]
    screen.table("Summary", [*account_lines(account), *engine_lines])
    years = by_year(ledger.answers_in_order(), replay.years, replay.defaulted)
    if years:
        screen.table("Share of loans that defaulted within 36 months", year_lines(years))
        screen.say(DRIFT_HINT)
    if plan.summary:
        summary.write(plan.summary)
    require_complete(account)
    screen.say(verdict(account))
    return summary
