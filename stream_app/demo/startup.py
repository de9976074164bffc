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
from stream_app.demo.environment import Environment
from stream_app.demo.gateway_view import GatewayView, stay
from stream_app.demo.kafka_clients import consumer_of
from stream_app.demo.loan_book import Replay, read_replay
from stream_app.demo.monitor_view import MonitorView
from stream_app.demo.replay import Participants
from stream_app.demo.screen import Screen
from stream_app.tables.columns import read_contract


class Options(msgspec.Struct, frozen=True, kw_only=True):
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


class Processes(NamedTuple):
    """Where the demo takes place, and who is on it."""

    environment: Environment
    folders: Folders
    children: list[ChildWorker]

    def start(self, child: ChildWorker) -> ChildWorker:
        self.children.append(child)
        return child


def start(options: Options, processes: Processes, screen: Screen) -> tuple[Replay, Participants, GatewayView | None]:
    """Start the children at once, as all import for seconds, and read the loan book meanwhile."""
    environment, folders = processes.environment, processes.folders
    output = options.keep or folders.monitor
    known = (folders.gateway if options.gateway else folders.scorer) / CLIENTS_FILE
    monitor_view = gateway_view = None
    with SQLiteClients(known, create=True) as clients:
        scorer = processes.start(start_scorer(environment, folders.scorer, known))
        if options.monitor:
            monitor = processes.start(
                start_monitor(environment, folders.monitor, output, reports=bool(options.keep) or options.stay)
            )
            monitor_view = MonitorView(
                monitor, partial(consumer_of, environment.wire, environment.wire.names.drift), screen.say
            )
        if options.gateway:
            gateway_view = GatewayView(
                processes.start(start_gateway(environment, folders.gateway, known, output)), screen.say
            )
        replay = read_replay(read_contract(None), options.requests)
        clients.put_many(replay.profiles, replay.applications)
    screen.say(f"Scorer: ready; its metrics are at http://{scorer.wait_until_ready()}/metrics")
    for other in (monitor_view, gateway_view):
        if other:
            other.wait_until_ready()
    return replay, Participants(scorer=scorer, monitor_view=monitor_view), gateway_view


def stay_on(processes: Processes, gateway_view: GatewayView, replay: Replay, screen: Screen) -> None:
    """The replay's scorer has ended, so that its accounts are final; another one answers who tries the dashboard."""
    _, *others = processes.children
    known = processes.folders.gateway / CLIENTS_FILE
    scorer = processes.start(start_scorer(processes.environment, processes.folders.later_scorer, known))
    stay(gateway_view, scorer, others, replay.requests[0].client_id, screen.say)
