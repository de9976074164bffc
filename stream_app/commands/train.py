"""``stream-app train``: a table of past applications in, a verified bundle out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from models.contract import Contract
    from models.training.train import Plan

FILE = click.Path(path_type=Path)


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


@click.command("train")
@click.option("--data", type=FILE, help="CSV, Parquet or JSON Lines table; without it the shipped loan book.")
@click.option("--target", help="Column to predict: 1 for a default, 0 for a paid loan.")
@click.option("--id", "id_column", help="Column with the application's id; never a feature.")
@click.option("--date", "date_column", help="Column with ISO 8601 dates: the latest fifth is then held out.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Learn from rows up to this day, judge on later ones.")
@click.option("--contract", "contract_file", type=FILE, help="Contract to train with, instead of inferring one.")
@click.option("--infer-only", is_flag=True, help="Only write the inferred contract to --out, to be edited.")
@click.option("--out", type=FILE, help="Folder for the bundle.  [default: bundles/NAME]")
@click.option("--name", help="The model's name.  [default: the contract's, or the data file's]")
@click.option("--cost-ratio", default=10.0, show_default=True, help="What a missed default costs, in lost good loans.")
@click.option("--review-cost", default=0.25, show_default=True, help="What a person's look costs, in lost good loans.")
@click.option("--trees", type=click.IntRange(1), default=40, show_default=True, help="Number of trees.")
@click.option("--leaves", type=click.IntRange(2), default=8, show_default=True, help="Leaves per tree.")
@click.option("--seed", default=7, show_default=True, help="Same data and same seed, same model.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Fixed, as the seed is.")
@click.option("--force", is_flag=True, help="Replace what an earlier run left at --out.")
def command(**options: Any) -> None:
    """Train a model and write its bundle folder.

    The same data, options and library versions give the same bytes.

    \b
    stream-app train --out my-bundle                       the shipped loan book, 2001-2004
    stream-app train --data application_train.csv --target TARGET --id SK_ID_CURR
    """
    chosen = Options(**options)
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

    plan = _plan(options)
    frame, contract = _inputs(options)
    out = options.out or Path("bundles") / contract.name
    check_output_folder(out, files=ALL_FILES, replace=options.force)  # before the minutes of work, not after
    draft = train(frame, contract, plan)
    for note in draft.notes:
        click.echo(note, err=True)
    bundle = draft.write(out, replace=options.force)
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
    """The table and the contract the options name; what inference left out is said on standard error."""
    import msgspec

    frame = _table(options.data)
    contract = _contract(frame, options)
    if options.name:
        contract = msgspec.structs.replace(contract, name=options.name)
    return frame, contract


def _table(data: Path | None) -> pd.DataFrame:
    if data is None:
        from models.datasets.sba import load_applications

        return load_applications()
    from models.table import read_table

    return read_table(data)


def _contract(frame: pd.DataFrame, options: Options) -> Contract:
    from models.contract import Contract
    from models.datasets.sba import CONTRACT_FILE

    file = options.contract_file or (None if options.data else CONTRACT_FILE)
    if file is None:
        return _inferred(frame, options)
    return _with_roles(Contract.read(file), options)


def _inferred(frame: pd.DataFrame, options: Options) -> Contract:
    from models.training.infer_contract import infer_contract

    if options.data is None or options.target is None or options.id_column is None:
        raise click.UsageError("--target and --id must be given with --data, unless --contract is.")
    inferred = infer_contract(
        frame,
        name=options.name or options.data.stem,
        target=options.target,
        id_column=options.id_column,
        date_column=options.date_column,
    )
    for note in inferred.notes:
        click.echo(note, err=True)
    return inferred.contract


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
