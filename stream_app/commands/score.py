"""``stream-app score``: score a table without a broker, with the numbers of the stream."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from stream_app.commands.options import bundle_option, table_format, table_options


@click.command("score")
@click.argument("file", type=click.Path(path_type=Path))
@bundle_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV file for one line a row.")
@click.option("--id", "id_name", help="Column of the client id (default: the one the contract names).")
@click.option("--request-id", help="Column of the request id (default: made of client id, row, date and content).")
@click.option("--date", help="Column of the event time (default: now).")
@click.option("--force", is_flag=True, help="Replace the file at --out.")
@table_options
def command(file: Path, out: Path, force: bool, **options: Any) -> None:
    """Score each row of FILE (CSV, Parquet or JSON) by the pipeline of the scorer, and write one line a row.

    The columns are request_id, client_id, probability_of_default (0 to 1, higher is riskier), decision, reasons (codes,
    with spaces between them), outliers (features beyond the range of the training rows) and rejection, which says why a
    row got no decision. A feature that has no column is missing; a required one must have one.
    """
    from models.atomic_folder import check_output_file
    from models.bundle import load_bundle, shipped_bundle
    from models.errors import OutputError
    from models.tables.read import read_table
    from stream_app.tables.requests import RequestColumns, requests_of
    from stream_app.tables.score import write_verdicts

    check_output_file(out, replace=force)
    bundle = load_bundle(options["bundle"] or shipped_bundle())
    columns = RequestColumns(
        client_id=options["id_name"] or bundle.contract.id_column,
        request_id=options["request_id"],
        date=options["date"],
        date_format=options["date_format"],
    )
    now = dt.datetime.now(dt.UTC)
    requests = requests_of(read_table(file, table_format(options)), bundle.contract, columns, now)
    try:
        totals = write_verdicts(out, bundle, requests, now)
    except OSError as error:
        raise OutputError(f"Cannot write {out}: {error.strerror}.", do_next="Name another --out.") from error
    click.echo(f"{out}: {totals.rows:,} rows by {bundle.name} {bundle.version}, {totals.decided:,} decided.")
    for name, count in totals.outliers.most_common():
        click.echo(f"  {name}: {count:,} values beyond the range of the training rows, scored all the same")
