"""``stream-app report``: a window or days, one file, its name printed; a mistake is one message and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.commands.report import command
from stream_app.errors import StoreError, StreamAppError
from tests.builders.stored_loans import MARCH_US, decisions, make_store, rows_of_reference


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "decisions.db", decisions(MARCH_US, rows_of_reference()))


def run(*words: str) -> Result:
    """The command's result; an error of ours is raised, as the command line's main catches it."""
    result = CliRunner().invoke(command, words)
    if isinstance(result.exception, StreamAppError):
        raise result.exception
    return result


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["2006-03"], "window-2006-03.html"),
        (["2006-03", "--out", "mine.html"], "mine.html"),
        (["--from", "2006-03-01", "--to", "2006-03-01"], "decisions-2006-03-01-2006-03-01.html"),
    ],
)
def test_the_report_is_one_file_whose_name_is_printed(words: list[str], file: str) -> None:
    done = run(*words)
    assert (done.exit_code, done.output) == (0, f"{file}\n")
    assert "</html>" in Path(file).read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "Name a WINDOW_ID, or --from and --to, and not both."),
        (["2006-03", "--from", "2006-03-01", "--to", "2006-03-02"], "and not both."),
        (["--from", "2006-03-01"], "Give --from and --to, or neither."),
        (["2006-03", "--against-to", "2006-03-01"], "Give --against-from and --against-to, or neither."),
        (["--from", "2006-03-02", "--to", "2006-03-01"], "There is no day from --from 2006-03-02 to --to 2006-03-01."),
        (["--from", "March", "--to", "2006-03-01"], "'March' does not match the format '%Y-%m-%d'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_at_once(words: list[str], text: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert text in done.stderr
    assert list(Path().glob("*.html")) == []


def test_a_store_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing\.db"):
        run("2006-03", "--store", str(tmp_path / "missing.db"))
