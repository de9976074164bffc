"""Starts the demo's children side by side, a process and a folder each, and loads the client profiles meanwhile."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from stream_app.broker import Choice
from stream_app.broker.ports import require_free
from stream_app.clients import SQLiteClients
from stream_app.demo.child_process import ChildProcess
from stream_app.demo.child_settings import CLIENTS_FILE, start_gateway, start_monitor, start_scorer
from stream_app.demo.child_view import ChildView
from stream_app.demo.environment import Environment
from stream_app.demo.kafka_clients import started_consumer
from stream_app.demo.loan_book import Replay, read_replay
from stream_app.demo.monitor_view import MonitorView
from stream_app.demo.screen import Screen
from stream_app.errors import PortTaken
from stream_app.settings import GatewaySettings
from stream_app.tables.columns import read_contract

USUAL_PORT: int = GatewaySettings.model_fields["gateway_port"].default


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo is asked to do. ``requests``: None for all; ``rate``: per second, None for no limit;
    ``faults``: share made bad, 0..1; ``kafka``: an existing broker, on which ``engine`` runs, instead of a new one;
    ``secure``: the new one asks who comes; ``avro``: a schema registry, for records in Avro; ``monitor``,
    ``gateway``: whether they take part; ``gateway_port``: None for the choice of :func:`dashboard_port`; ``stay``:
    go on until Ctrl-C after the replay, which needs the gateway; ``keep``: a folder for the monitor's store and
    reports; ``timeout_seconds``: how long no answer may come before the demo ends the replay.
    """

    engine: Choice = "auto"
    kafka: str | None = None
    secure: bool = False
    avro: str | None = None
    requests: int | None = None
    rate: float | None = None
    faults: float = 0.005
    seed: int = 1
    summary: Path | None = None
    monitor: bool = True
    gateway: bool = True
    gateway_port: int | None = None
    stay: bool = False
    keep: Path | None = None
    timeout_seconds: float = 30.0


class Folders(NamedTuple):
    """A folder for each child, deleted with it. The clients are in the gateway's, if there is one."""

    scorer: Path
    monitor: Path
    gateway: Path
    second_scorer: Path


class Started(NamedTuple):
    """What runs when the replay begins."""

    replay: Replay
    scorer: ChildProcess
    monitor: MonitorView | None
    gateway: ChildView | None


def start(
    options: Options, environment: Environment, folders: Folders, children: list[ChildProcess], screen: Screen
) -> Started:
    """Start the children at once, as all import for seconds, and read the loan book meanwhile. ``children`` gets each
    as soon as it runs: whatever happens then, it must be stopped.
    """
    output = options.keep or folders.monitor
    clients_file = (folders.gateway if options.gateway else folders.scorer) / CLIENTS_FILE
    monitor = gateway = None
    with SQLiteClients(clients_file, create=True) as clients:
        children.append(scorer := start_scorer(environment, folders.scorer, clients_file))
        if options.monitor:
            reports = bool(options.keep) or options.stay
            children.append(child := start_monitor(environment, folders.monitor, output, reports))
            monitor = MonitorView(child, partial(started_consumer, environment, environment.names.drift), screen.say)
        if options.gateway:
            port = dashboard_port(options)
            children.append(child := start_gateway(environment, folders.gateway, clients_file, output, port))
            gateway = ChildView(child, "Gateway: ready; the dashboard is at http://{}/", screen.say)
        replay = read_replay(read_contract(None), options.requests)
        clients.put_many(replay.profiles, replay.applications)
    address = scorer.wait_until_ready()
    # With --stay this scorer is replaced after the replay, and the address that lasts is printed then.
    screen.say("Scorer: ready" + ("" if options.stay else f"; its metrics are at http://{address}/metrics"))
    for view in (monitor, gateway):
        if view:
            view.wait_until_ready()
    return Started(replay, scorer, monitor, gateway)


def dashboard_port(options: Options) -> int:
    """The port that was asked for. Else 0, any free one; whoever stays finds the usual port where it is free."""
    if options.gateway_port is not None or not options.stay:
        return options.gateway_port or 0
    try:
        require_free(USUAL_PORT)
    except PortTaken:
        return 0
    return USUAL_PORT
