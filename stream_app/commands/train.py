"""``stream-app train``: a table of past applications in, a verified bundle out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream_app.commands.options import table_format, table_options, to_stderr

if TYPE_CHECKING:
    import pandas as pd

    from models.contract import Contract
    from models.tables.table_format import TableFormat
    from models.training.train import Plan

FILE = click.Path(path_type=Path)
SEED = click.IntRange(0, 2**31 - 1)  # what LightGBM takes


@dataclass(frozen=True)
class Options:
    """The command line, typed; what each means stands in its help below."""

    data: Path | None
    target: str | None
    id_column: str | None
    date_column: str | None
    until: datetime | None
    contract_file: Path | None
    infer_only: bool
    out: Path | None
    name: str | None
    cost_ratio: float
    review_cost: float
    trees: int
    leaves: int
    seed: int
    threads: int
    force: bool
    default_value: tuple[str, ...]
    paid_value: tuple[str, ...]
    keep: tuple[str, ...]
    text_as_category: tuple[str, ...]
    written: TableFormat
    date_format: str | None


@click.command("train")
@click.option("--data", type=FILE, help="CSV, Parquet or JSON table; without it the shipped loan book.")
@click.option("--target", help="Column to predict: 1 (true, yes) for a default, 0 for a paid loan.")
@click.option("--default-value", multiple=True, help="Value of the target that means a default; may be repeated.")
@click.option("--paid-value", multiple=True, help="Value that means a paid loan; rows with others are left out.")
@click.option("--id", "id_column", help="Column with the application's id; never a feature.")
@click.option("--date", "date_column", help="Column with dates: the latest fifth is then held out.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Learn COLUMN though it looks like an id or a leak.")
@click.option("--text-as-category", multiple=True, metavar="COLUMN", help="Take COLUMN as a category, as written.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Learn from rows up to this day, judge on later ones.")
@click.option("--contract", "contract_file", type=FILE, help="Contract to train with, instead of inferring one.")
@click.option("--infer-only", is_flag=True, help="Only write the inferred contract to --out, to be edited.")
@click.option("--out", type=FILE, help="Folder for the bundle.  [default: bundles/NAME]")
@click.option("--name", help="The model's name.  [default: the contract's, or the data file's]")
@click.option("--cost-ratio", default=10.0, show_default=True, help="What a missed default costs, in lost good loans.")
@click.option("--review-cost", default=0.25, show_default=True, help="What a person's look costs, in lost good loans.")
@click.option("--trees", type=click.IntRange(1), default=40, show_default=True, help="Number of trees.")
@click.option("--leaves", type=click.IntRange(2, 131_072), default=8, show_default=True, help="Leaves per tree.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=7,
    show_default=True,
    help="Same data and same seed, same model.",
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Fixed, as the seed is.")
@click.option("--force", is_flag=True, help="Replace what an earlier run left at --out.")
@table_options
def command(**options: Any) -> None:
    """Train a model and write its bundle folder.

    The same data, options and library versions give the same bytes.

    \b
    stream-app train --out my-bundle                       the shipped loan book, 2001-2004
    stream-app train --data application_train.csv --target TARGET --id SK_ID_CURR
    """
    written = table_format(options)
    of_table = ("delimiter", "encoding", "decimal", "drop")
    chosen = Options(written=written, **{name: value for name, value in options.items() if name not in of_table})
    if chosen.infer_only:
        _infer(chosen)
    else:
        _train(chosen)


def _infer(options: Options) -> None:
    from models.atomic_folder import check_output_file

    frame, contract = _inputs(options)
    target = options.out or Path(f"{contract.name}.contract.json")
    check_output_file(target, replace=options.force)
    contract.write(target)
    click.echo(
        f"{target}: {len(contract.features)} features of {len(frame)} rows. Edit it, then train with --contract."
    )


def _train(options: Options) -> None:
    from models.atomic_folder import check_output_folder
    from models.bundle_files import ALL_FILES
    from models.training.train import train
    from stream_app.tables.trial import try_in_new_process

    plan = _plan(options)
    frame, contract = _inputs(options)
    out = options.out or Path("bundles") / contract.name
    check_output_folder(out, files=ALL_FILES, replace=options.force)  # before the minutes of work, not after
    draft = train(frame, contract, plan)
    for note in draft.notes:
        click.echo(note, err=True)
    bundle = draft.write(out, replace=options.force, verify=try_in_new_process)
    click.echo(f"{out}: {bundle.name} {bundle.version}, model.txt {bundle.sha256[:12]}. Read its MODEL_CARD.md.")
    click.echo(f"  SHA-256 of its manifest.json, which pins the whole bundle: {bundle.manifest_sha256}")
    for group, figures in bundle.manifest.figures.items():
        auc = "none" if figures.auc is None else f"{figures.auc:.3f}"
        click.echo(
            f"  {group:<18} {figures.rows:>7} rows  AUC {auc}  observed {figures.observed:.2%}"
            f"  predicted {figures.predicted:.2%}"
        )


def _plan(options: Options) -> Plan:
    import numpy as np

    from models.datasets.sba import TRAIN_UNTIL
    from models.policy import Policy
    from models.training.fit import ModelSize
    from models.training.train import Plan

    until: datetime | str | None = options.until or (None if options.data else TRAIN_UNTIL)
    return Plan(
        policy=Policy.from_costs(options.cost_ratio, options.review_cost),
        seed=options.seed,
        threads=options.threads,
        size=ModelSize(options.trees, options.leaves),
        until=None if until is None else np.datetime64(until, "D"),
    )


def _inputs(options: Options) -> tuple[pd.DataFrame, Contract]:
    """The rows and the contract the options name; what was left out is said on standard error."""
    import msgspec

    from models.tables.target import TargetWords
    from models.training.prepare import prepare

    table = _table(options)
    given = _given_contract(options)
    target, date_column = (given.target, given.date_column) if given else (_named_target(options), options.date_column)
    words = TargetWords(options.default_value, options.paid_value)
    prepared = prepare(table, target, date_column, words, options.date_format)
    for note in prepared.notes:
        to_stderr(note)
    contract = given or _inferred(prepared.frame, options)
    if options.name:
        contract = msgspec.structs.replace(contract, name=options.name)
    return prepared.frame, contract


def _table(options: Options) -> pd.DataFrame:
    if options.data is None:
        from models.datasets.sba import load_applications

        return load_applications()
    from models.tables.read import read_table

    return read_table(options.data, options.written)


def _given_contract(options: Options) -> Contract | None:
    from models.contract import Contract
    from models.datasets.sba import CONTRACT_FILE

    file = options.contract_file or (None if options.data else CONTRACT_FILE)
    return _with_roles(Contract.read(file), options) if file else None


def _named_target(options: Options) -> str:
    if options.target is None or options.id_column is None:
        raise click.UsageError("--target and --id must be given with --data, unless --contract is.")
    return options.target


def _inferred(frame: pd.DataFrame, options: Options) -> Contract:
    from models.training.infer_contract import Asked, infer_contract

    inferred = infer_contract(
        frame,
        name=options.name or _stem(options) or "model",
        target=_named_target(options),
        id_column=str(options.id_column),
        date_column=options.date_column,
        asked=Asked(options.keep, options.text_as_category),
    )
    for note in inferred.notes:
        to_stderr(note)
    return inferred.contract


def _stem(options: Options) -> str:
    """``loans`` of ``loans.csv.gz``."""
    return options.data.name.split(".")[0] if options.data else ""


def _with_roles(contract: Contract, options: Options) -> Contract:
    """The contract with the target, id and date the command line names, where it names them."""
    import msgspec

    from models.errors import ContractError

    changed = msgspec.structs.replace(
        contract,
        target=options.target or contract.target,
        id_column=options.id_column or contract.id_column,
        date_column=options.date_column or contract.date_column,
    )
    if problems := changed.problems():
        raise ContractError(f"The contract does not fit the options: {'; '.join(problems)}.")
    return changed
