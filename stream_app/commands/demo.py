"""``stream-app demo``: the whole product, and a replay of the loan book through it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream_app.commands.options import ENGINE, KafkaServers


@click.command("demo")
@click.option(
    "--engine",
    type=ENGINE,
    default="auto",
    show_default=True,
    help="Broker to start. kafka: Apache Kafka (Java 17; Maven fetches it once). tansu: no Java. auto: kafka if it can "
    "be had, else tansu. With --kafka: what runs there, for its waiting times (auto: Apache Kafka).",
)
@click.option(
    "--kafka",
    type=KafkaServers(),
    help="Use this broker instead; the demo's topics there are deleted when it ends. If it is Tansu, add --engine "
    "tansu: else every empty fetch takes 0.5 s.",
)
@click.option(
    "--secure",
    is_flag=True,
    help="Start Apache Kafka with TLS, passwords (SASL_SSL, SCRAM) and rights: each role has a user of its own, who "
    "may do what it needs and no more.",
)
@click.option("--avro", metavar="URL", help="Send and read Avro instead of JSON, with the schema registry there.")
@click.option("--requests", type=click.IntRange(1), help="Replay only the first N applications (default: all 74,118).")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Requests per second (default: as fast as the scorer takes them).",
)
@click.option(
    "--faults",
    type=click.FloatRange(0, 1),
    default=0.005,
    show_default=True,
    help="Share of the requests made bad on purpose, to be rejected; 0 for none.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Where the bad requests fall.")
@click.option(
    "--monitor/--no-monitor", default=True, show_default=True, help="Whether a monitor watches the decisions."
)
@click.option("--gateway/--no-gateway", default=True, show_default=True, help="Whether a gateway serves the dashboard.")
@click.option(
    "--gateway-port",
    type=click.IntRange(0, 65535),
    help="Port of the dashboard; 0 takes a free one (default: with --stay 8000 where that is free, else a free one).",
)
@click.option("--stay", is_flag=True, help="After the replay keep everything running until Ctrl-C, for the dashboard.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the monitor's decision store and the Evidently reports of the last twelve months; without it the "
    "store is deleted when the demo ends and no reports are made.",
)
@click.option(
    "--summary", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write the summary as JSON too."
)
def command(**options: Any) -> None:
    """Replay the loan book of 2005-2008 through a broker and a scorer, account for every request, and watch it.

    Starts a broker, a scorer, a monitor and a gateway and loads the client profiles. Sends the applications in the
    order of their approval, and whether each loan defaulted when that became known. Reads the decisions and rejections.
    Ends with a summary and with what the monitor found month by month. Without --rate a bounded number of requests is
    in flight at any time; latency is from send to read. Everything the demo starts is removed when it ends.

    With --stay everything runs on until Ctrl-C, so that you can look at the dashboard and try clients.

    Exit status 0 only if every request has exactly one output, of the kind it should have, and the monitor saw it all.
    """
    if options["keep"] and not options["monitor"]:
        raise click.UsageError("--keep keeps what the monitor stores: take it or --no-monitor, not both.")
    if options["stay"] and not options["gateway"]:
        raise click.UsageError("--stay is for the gateway's dashboard: take it or --no-gateway, not both.")
    if options["secure"] and (options["kafka"] or options["engine"] == "tansu"):
        raise click.UsageError("--secure starts Apache Kafka: leave out --kafka and --engine tansu.")
    from stream_app.demo.child_settings import make_folder_to_keep
    from stream_app.demo.screen import screen
    from stream_app.demo.summary import require_writable

    if options["summary"]:
        require_writable(options["summary"])
    if options["keep"]:
        make_folder_to_keep(options["keep"])
    shown = screen()
    shown.say("The demo: loan applications of 2005-2008 through a broker and a scorer, each accounted for and watched.")
    from stream_app.demo.run import run  # takes seconds: after the first words
    from stream_app.demo.startup import Options

    run(Options(**options), shown)
