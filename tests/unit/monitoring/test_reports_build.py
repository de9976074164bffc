"""A report says what it compares, repeats the monitor's verdict, needs no network, gives no applicant's words away."""

from __future__ import annotations

import datetime as dt
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from models.bundle import shipped_bundle
from monitoring.baseline import BundleSource
from monitoring.jobs.child_process import Child
from monitoring.jobs.window_job import compute_window, store_at
from monitoring.reports.build import Days, prepare, write_comparison, write_report, write_window
from monitoring.statistics.window_analysis import Options
from monitoring.store import DecisionRow, DecisionStore, WindowKey
from stream_app.errors import ReportFailed, StoreUnavailable
from tests.builders.stored_loans import APRIL_US, MARCH_US, ROWS, decisions, make_store, rows_of_reference

BUNDLE = BundleSource(shipped_bundle())
WRITTEN_BY_AN_APPLICANT = "</script><script>alert(1)</script>"


def march() -> list[DecisionRow]:
    """Nobody says whether it is low_doc; in every third the state is a text of the applicant's."""
    loans = rows_of_reference(low_doc=None)
    return decisions(
        MARCH_US, [row | ({"state": WRITTEN_BY_AN_APPLICANT} if n % 3 == 0 else {}) for n, row in enumerate(loans)]
    )


def april() -> list[DecisionRow]:
    """As the reference is, but for two decisions that do not fit the contract."""
    return decisions(APRIL_US, [*rows_of_reference(), {"colour": "red"}, {"employees": "many"}])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store of two windows, computed, and the reports of both."""
    path = tmp_path_factory.mktemp("reports")
    url = str(path / "decisions.db")
    keys = make_store(path / "decisions.db", march(), april())
    for key in keys:
        compute_window(url, BUNDLE, Options(), key, now=dt.datetime(2006, 5, 1, tzinfo=dt.UTC))
        write_report(url, BUNDLE, path, 10, key)
    yield path
    store_at(url).close()
    store_at.cache_clear()


def text_of(path: Path) -> str:
    """What a person reads above the pictures, on one line."""
    section = re.search('<section class="about">(.*?)</section>', path.read_text(), re.DOTALL)
    assert section is not None
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", section[1]))


def test_a_report_says_which_window_which_reference_and_how_many_rows(folder: Path) -> None:
    text = text_of(folder / "window-2006-03.html")
    assert "Decisions of window 2006-03" in text
    assert f"{ROWS} decisions requested from 2006-03-01 00:00 to before 2006-04-01 00:00 UTC." in text
    assert re.search("With: the 5,000 rows that bundle sba [0-9a-f]{12} keeps of its training data", text)
    assert "Outcomes as known on 2006-05-01 00:00 UTC" in text


def test_decisions_that_do_not_fit_the_contract_are_counted_and_left_out(folder: Path) -> None:
    assert f"{ROWS} decisions requested" in text_of(folder / "window-2006-04.html")
    assert "without 2 that do not fit the contract" in text_of(folder / "window-2006-04.html")


def test_the_verdict_is_the_monitors_above_the_pictures_and_in_them(folder: Path) -> None:
    assert "Drifted: low_doc, state." in text_of(folder / "window-2006-03.html")
    assert "Nothing drifted." in text_of(folder / "window-2006-04.html")
    assert '"data_drift": "Detected"' in (folder / "window-2006-03.html").read_text()
    assert '"data_drift": "Detected"' not in (folder / "window-2006-04.html").read_text()


def test_a_feature_without_any_value_is_named_and_does_not_stop_the_report(folder: Path) -> None:
    assert "Not drawn, for want of a single value on one side: low_doc." in text_of(folder / "window-2006-03.html")


def test_what_an_applicant_wrote_is_in_no_report(folder: Path) -> None:
    html = (folder / "window-2006-03.html").read_text()
    assert "alert(1)" not in html
    assert "(never seen)" in html


def test_a_report_fetches_nothing_and_the_browser_is_told_so_first(folder: Path) -> None:
    html = (folder / "window-2006-03.html").read_text()
    first = re.search(r"<head>\s*(<[^>]+>)", html)
    assert first is not None
    assert "Content-Security-Policy" in first[1]
    assert "default-src 'none'" in first[1]
    assert "http" not in first[1].removeprefix("<meta http-equiv")
    assert re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", html) == []


def test_days_can_be_compared_with_other_days(folder: Path) -> None:
    days, against = (Days(dt.date(2006, month, 1), dt.date(2006, month, 28)) for month in (3, 4))
    write_comparison(str(folder / "decisions.db"), BUNDLE, days, against, folder / "days.html")
    text = text_of(folder / "days.html")
    assert "Decisions on requests of 2006-03-01 to 2006-03-28" in text
    assert f"With: {ROWS} decisions requested from 2006-04-01 00:00 to before 2006-04-29 00:00 UTC" in text
    assert "Drifted: low_doc, state." in text


def test_a_window_compared_with_its_own_days_has_not_moved(folder: Path) -> None:
    against = Days(dt.date(2006, 3, 1), dt.date(2006, 3, 31))
    write_window(str(folder / "decisions.db"), BUNDLE, "2006-03", against, folder / "same.html")
    assert "Nothing drifted." in text_of(folder / "same.html")


def test_a_window_there_is_not_is_answered_with_those_there_are(folder: Path) -> None:
    with pytest.raises(
        ReportFailed,
        match=r"no closed window '2006-3'\. Closed windows of event time: 2, 2006-03 to 2006-04 \(STREAM_APP_WINDOW",
    ):
        write_window(str(folder / "decisions.db"), BUNDLE, "2006-3", None, folder / "none.html")


def test_days_without_a_decision_are_answered_with_the_windows_there_are(folder: Path) -> None:
    days = Days(dt.date(1999, 1, 1), dt.date(1999, 1, 2))
    with pytest.raises(ReportFailed, match="no decision that was requested from 1999-01-01 to 1999-01-02"):
        write_comparison(str(folder / "decisions.db"), BUNDLE, days, None, folder / "none.html")
    assert not (folder / "none.html").exists()


def test_decisions_of_another_contract_are_an_error_that_names_the_bundle(tmp_path: Path) -> None:
    url = str(tmp_path / "decisions.db")
    make_store(tmp_path / "decisions.db", decisions(MARCH_US, [{"colour": "red"}]))
    with pytest.raises(ReportFailed, match="None of the 1 decisions fits the contract of bundle sba"):
        write_window(url, BUNDLE, "2006-03", None, tmp_path / "none.html")


@pytest.mark.slow
def test_a_report_is_made_in_a_child_whatever_became_of_the_last_one(folder: Path, tmp_path: Path) -> None:
    url = str(folder / "decisions.db")
    with DecisionStore.open(url, read_only=True) as store:
        key = store.window("2006-03")
    assert isinstance(key, WindowKey)
    reporter = Child("reporter", partial(prepare, BUNDLE), timeout_seconds=100.0)
    (blocked := tmp_path / "blocked").write_text("a file where the folder should be")
    with pytest.raises(ReportFailed, match="cannot be written"):
        reporter.call(write_report, url, BUNDLE, blocked, 10, key)
    assert reporter.call(write_report, url, BUNDLE, tmp_path / "new", 10, key) == tmp_path / "new/window-2006-03.html"
    assert text_of(tmp_path / "new/window-2006-03.html") == text_of(folder / "window-2006-03.html")
    reporter.close()


def test_the_monitors_own_process_never_imports_evidently_or_pandas() -> None:
    code = (
        "import sys, monitoring.reports.build, monitoring.jobs.window_job\n"
        "print({'evidently', 'pandas', 'plotly'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"


def test_evidently_is_imported_with_its_telemetry_switched_off() -> None:
    prepare(BUNDLE)
    assert os.environ["DO_NOT_TRACK"] == "1"


def path_in_row(folder: Path) -> str | None:
    with closing(sqlite3.connect(folder / "decisions.db")) as db:
        path: str | None = db.execute("SELECT report FROM windows WHERE id = '2006-03'").fetchone()[0]
        return path


def test_the_windows_row_says_where_its_report_is(folder: Path, tmp_path: Path) -> None:
    url = str(folder / "decisions.db")
    key = store_at(url).window("2006-03")
    assert key is not None
    path = write_report(url, BUNDLE, tmp_path, 10, key)
    assert path_in_row(folder) == str(path)


def test_a_report_the_store_cannot_take_down_is_there_all_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("The store is locked.")

    url = str(folder / "decisions.db")
    key = store_at(url).window("2006-03")
    assert key is not None
    before = path_in_row(folder)
    monkeypatch.setattr(DecisionStore, "reported", fail)
    assert write_report(url, BUNDLE, tmp_path, 10, key).is_file()
    assert path_in_row(folder) == before
