"""The shipped loan book: 150,000 loans backed by the US Small Business Administration, approved 2001 to 2010.

Each row is one approved application with what the applicant stated and whether the loan was charged off. Where it comes
from and under which terms: :mod:`models.datasets.rebuild`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

BOOK = Path(__file__).parent / "sba_loans.parquet"
CONTRACT_FILE = Path(__file__).parent / "sba_contract.json"

PROFILE_FEATURES = ("state", "naics_sector", "urban_rural", "employees", "is_new_business", "is_franchise")
"""Known of the client beforehand: the profile."""

REQUEST_FEATURES = (
    "amount_requested",
    "guaranteed_share",
    "revolving_line",
    "low_doc",
    "jobs_created",
    "jobs_retained",
)
"""Stated in the request itself."""

TARGET = "defaulted_36m"
TARGET_MONTHS = 36
TRAIN_UNTIL = "2004-12-31"

_SECTOR_RANGES = dict.fromkeys(("31", "32", "33"), "31-33") | dict.fromkeys(("44", "45"), "44-45")
_SECTOR_RANGES |= dict.fromkeys(("48", "49"), "48-49")


def load_applications() -> pd.DataFrame:
    """The whole book in approval order, 150,000 rows.

    Columns: ``application_id`` (int), ``approval_date`` (datetime), :data:`PROFILE_FEATURES`, :data:`REQUEST_FEATURES`
    (``amount_requested`` in USD, ``guaranteed_share`` 0..1), ``defaulted_36m`` (1 when charged off within 36 months of
    approval, else 0) and ``charge_off_date`` (datetime, NaT when paid). Missing values are pandas' missing.
    """
    book = pd.read_parquet(BOOK)
    book["approval_date"] = pd.to_datetime(book["approval_date"])
    book["charge_off_date"] = pd.to_datetime(book["charge_off_date"])
    book["naics_sector"] = _sector(book["naics"])
    book["guaranteed_share"] = book["guaranteed_share"].astype("float64").round(4)
    book[TARGET] = _charged_off_within(book, months=TARGET_MONTHS)
    book = book.rename(columns={"amount_approved": "amount_requested"})
    return book[["application_id", "approval_date", *PROFILE_FEATURES, *REQUEST_FEATURES, TARGET, "charge_off_date"]]


def _sector(naics: pd.Series) -> pd.Series:
    """Six-digit NAICS codes to two-digit sectors; a sector that spans several numbers is named by its range."""
    two_digits = naics.astype("string").str[:2]
    return two_digits.replace(_SECTOR_RANGES).astype("str")


def _charged_off_within(book: pd.DataFrame, *, months: int) -> pd.Series:
    deadline = book["approval_date"] + pd.DateOffset(months=months)
    return (book["charged_off"].eq(1) & book["charge_off_date"].le(deadline)).fillna(value=False).astype("int8")
