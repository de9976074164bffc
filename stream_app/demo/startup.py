"""Who takes part in the demo: a child process each, started side by side, and the folder each has."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from stream_app.broker import Choice
from stream_app.clients import SQLiteClients
from stream_app.demo.child_process import ChildWorker
from stream_app.demo.child_settings import CLIENTS_FILE, start_gateway, start_monitor, start_scorer
from stream_app.demo.environment import Place
from stream_app.demo.gateway_view import Front, stay
from stream_app.demo.kafka_clients import consumer_of
from stream_app.demo.loan_book import Replay, read_replay
from stream_app.demo.monitor_view import Onlooker
from stream_app.demo.replay import Cast
from stream_app.demo.screen import Screen
from stream_app.tables.columns import read_contract


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay. ``requests``: None for all; ``rate``: per second, None for as fast as they are taken;
    ``faults``: share made bad, 0..1; ``kafka``: an existing broker, on which ``engine`` runs, instead of a new one;
    ``monitor``, ``gateway``: whether they take part; ``stay``: go on until Ctrl-C when the replay is over, which needs
    the gateway; ``keep``: a folder that keeps what the monitor stored and reported; ``patience_seconds``: how long no
    answer may come before the demo gives up.
    """

    engine: Choice = "auto"
    kafka: str | None = None
    requests: int | None = None
    rate: float | None = None
    faults: float = 0.005
    seed: int = 1
    summary: Path | None = None
    monitor: bool = True
    gateway: bool = True
    stay: bool = False
    keep: Path | None = None
    patience_seconds: float = 30.0


class Folders(NamedTuple):
    """A folder for each child, which goes with it. The clients are in the gateway's, if there is one."""

    scorer: Path
    monitor: Path
    gateway: Path
    later_scorer: Path


class Stage(NamedTuple):
    """Where the demo takes place, and who is on it."""

    place: Place
    folders: Folders
    children: list[ChildWorker]

    def start(self, child: ChildWorker) -> ChildWorker:
        self.children.append(child)
        return child


def start(plan: Plan, stage: Stage, screen: Screen) -> tuple[Replay, Cast, Front | None]:
    """Start the children at once, as all import for seconds, and read the loan book meanwhile."""
    place, folders = stage.place, stage.folders
    output = plan.keep or folders.monitor
    known = (folders.gateway if plan.gateway else folders.scorer) / CLIENTS_FILE
    onlooker = front = None
    with SQLiteClients(known, create=True) as clients:
        scorer = stage.start(start_scorer(place, folders.scorer, known))
        if plan.monitor:
            monitor = stage.start(start_monitor(place, folders.monitor, output, reports=bool(plan.keep) or plan.stay))
            onlooker = Onlooker(monitor, partial(consumer_of, place.wire, place.wire.names.drift), screen.say)
        if plan.gateway:
            front = Front(stage.start(start_gateway(place, folders.gateway, known, output)), screen.say)
        replay = read_replay(read_contract(None), plan.requests)
        clients.put_many(replay.profiles, replay.applications)
    screen.say(f"Scorer: ready; its metrics are at http://{scorer.wait_until_ready()}/metrics")
    for other in (onlooker, front):
        if other:
            other.wait_until_ready()
    return replay, Cast(scorer=scorer, onlooker=onlooker), front


def stay_on(stage: Stage, front: Front, replay: Replay, screen: Screen) -> None:
    """The replay's scorer has ended, so that its accounts are final; another one answers who tries the dashboard."""
    _, *others = stage.children
    known = stage.folders.gateway / CLIENTS_FILE
    scorer = stage.start(start_scorer(stage.place, stage.folders.later_scorer, known))
    stay(front, scorer, others, replay.requests[0].client_id, screen.say)
