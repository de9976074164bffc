"""The command line: every command is known and explains itself, mistakes are one message, nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from stream_app import cli as command_line
from stream_app.cli import COMMANDS, cli

HEAVY = {"pandas", "numpy", "lightgbm", "faust", "kafka", "aiokafka", "evidently", "pyarrow", "pydantic", "rich"}


def stream_app(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stream_app", *words], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_the_help_imports_nothing_heavy() -> None:
    """It has to answer in half a second; LightGBM alone takes seconds to import."""
    code = (
        "import sys; from stream_app.cli import cli; cli(['--help'], standalone_mode=False); print(sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    imported = set(done.stdout.rsplit("dict_keys", 1)[1].replace("'", " ").replace(",", " ").split())
    assert "stream_app.cli" in imported
    assert not HEAVY & imported


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_without_importing_anything_heavy(name: str) -> None:
    before = set(sys.modules)
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.output
    new = {module for module in set(sys.modules) - before if module in HEAVY}
    assert not new


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_line_of_help(name: str) -> None:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    for command in found.commands.values() if isinstance(found, click.Group) else [found]:
        silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
        assert silent == []


def test_the_help_lists_every_command_there_is_a_file_for() -> None:
    folder = Path(command_line.__file__).parent / "commands"
    assert {path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text()} == set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["nonsense"], 2, "No such command"),
        (["demo", "--engine", "rabbit"], 2, "rabbit"),
        (["demo", "--faults", "2"], 2, "--faults"),
        (["demo", "--summary", "/nowhere/at/all.json"], 2, "no folder"),
        (["demo", "--stay", "--no-gateway"], 2, "not both"),
        (["produce"], 2, "Name a FILE"),
        (["produce", "a.csv", "--sample", "3"], 2, "not both"),
        (["produce", "missing.csv"], 2, "Cannot read missing.csv"),
        (["produce", "--sample", "1", "--kafka", "127.0.0.1:1", "--wait", "0.2"], 3, "No Kafka broker answered"),
        (["decisions", "--last", "3", "--from-beginning"], 2, "not both"),
        (["decisions", "--json", "--csv"], 2, "not both"),
        (["rejections", "--kafka", "127.0.0.1:1", "--wait", "0.2"], 3, "No Kafka broker answered"),
        (["clients", "count", "--store", "missing.db"], 5, "no client store"),
        (["clients", "load", "missing.csv"], 2, "Cannot read missing.csv"),
        (["contracts", "--bundle", "missing"], 2, "contract.json"),
    ],
)
def test_a_mistake_is_one_message_and_an_exit_status(words: list[str], status: int, text: str, tmp_path: Path) -> None:
    done = stream_app(
        *words, cwd=tmp_path, env={"PYTHONPATH": str(Path(command_line.__file__).parents[1]), "PATH": "/usr/bin"}
    )
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == status
    assert list(tmp_path.iterdir()) == []


def test_a_client_is_shown_and_an_unknown_one_is_one_message(tmp_path: Path) -> None:
    table = tmp_path / "clients.csv"
    table.write_text("application_id,employees,low_doc\na,3,Y\nc,4,\n")
    store = ["--store", str(tmp_path / "clients.db")]
    runner = CliRunner()
    assert "knows 2 clients" in runner.invoke(cli, ["clients", "load", str(table), *store]).output
    assert runner.invoke(cli, ["clients", "count", *store]).output == "2\n"
    shown = runner.invoke(cli, ["clients", "show", "a", *store]).output
    assert shown == '{"profile":{"employees":3,"low_doc":"Y"},"latest_application":{"low_doc":"Y"}}\n'
    assert "no such client" in str(runner.invoke(cli, ["clients", "show", "b", *store]).exception)


@pytest.mark.parametrize("words", [["decisions"], ["rejections"], ["topics", "check"], ["produce", "--sample", "1"]])
def test_while_a_command_waits_for_the_broker_it_says_so(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_app.kafka_admin._SLICE_SECONDS", 0.1)
    done = CliRunner().invoke(cli, [*words, "--kafka", "127.0.0.1:1", "--wait", "0.3"])
    assert "Waiting for a broker at 127.0.0.1:1" in done.stderr
    assert done.stdout == ""
