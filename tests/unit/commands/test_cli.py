"""The command line: every command is known and explains itself, mistakes are one message, nothing heavy is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from stream_app import cli as command_line
from stream_app.cli import COMMANDS, cli
from stream_app.errors import SettingsError

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


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--stay", "--no-gateway"],
        ["demo", "--kafka", "a:0"],
        ["decisions", "--json", "--csv"],
        ["rejections", "--last", "1", "--from-beginning"],
        ["drift", "--json", "--feature", "a"],
        ["report"],
        ["report", "\udcff"],
        ["clients", "show", "\udcff\udcfe"],
        ["person", "export", "\udcff"],
        ["person", "erase", "\udcff", "--yes"],
        ["keys", "add", "\udcff"],
        ["report", "--from", "2006-03-02", "--to", "2006-03-01"],
        ["produce"],
        ["worker", "--threads", "many"],
        ["wroker"],
    ],
)
def test_a_mistake_in_the_options_is_found_before_anything_heavy_is_imported(words: list[str]) -> None:
    code = (
        "import sys, click; from stream_app.cli import cli\n"
        "try: cli(sys.argv[1:], standalone_mode=False)\n"
        "except click.UsageError: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=True)
    assert "stream_app.cli" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize("command", ["worker", "monitor", "gateway"])
def test_settings_are_checked_before_faust_the_model_or_the_gateway_is_imported(command: str) -> None:
    code = (
        "import sys; from stream_app.cli import cli; from stream_app.errors import SettingsError\n"
        "try: cli([sys.argv[1], '--kafka', 'nonsense'], standalone_mode=False)\n"
        "except SettingsError: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, timeout=60, check=True)
    assert not (HEAVY | {"fastapi"}) - {"pydantic"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["wroker"], "Did you mean 'worker'?"),
        (["topics", "creat"], "Did you mean 'create'?"),
        (["keys", "lst"], "Did you mean 'list'?"),
        (["clients", "lod"], "Did you mean 'load'?"),
        (["demo", "--engine", "kafak"], "Did you mean 'kafka'?"),
        (["worker", "--guarantee", "exactly-once"], "Did you mean 'exactly_once'?"),
        (["keys", "add", "me", "--role", "reed"], "Did you mean 'read'?"),
        (["monitor", "--log-level", "warn"], "Did you mean 'warning'?"),
    ],
)
def test_a_misspelt_word_is_met_with_the_nearest_known_one(words: list[str], question: str) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert question in done.stderr


def test_a_word_like_no_other_is_met_without_a_suggestion() -> None:
    assert "Did you mean" not in CliRunner().invoke(cli, ["xyzzy"]).stderr


@pytest.mark.parametrize(
    ("words", "older"),
    [
        (["decisions", "--topic-prefix", "a/b"], "--prefix"),
        (["topics", "check", "--broker-wait-seconds", "nonsense"], "--wait"),
        (["clients", "count", "--clients", "ftp://h"], "--store"),
        (["keys", "list", "--keys", "/nowhere"], "--file"),
    ],
)
def test_an_option_still_has_the_name_it_had_before_and_its_help_does_not_show_it(words: list[str], older: str) -> None:
    *command, option, value = words
    new, old = (CliRunner().invoke(cli, [*command, name, value]) for name in (option, older))
    assert (new.exit_code, new.output, str(new.exception)) == (old.exit_code, old.output, str(old.exception))
    assert new.exit_code != 0
    shown = CliRunner().invoke(cli, [*command, "--help"]).output.split()
    assert (option in shown, older in shown) == (True, False)


@pytest.mark.parametrize("words", [["keys", "list"], ["decisions"], ["drift"], ["contracts"], ["clients", "count"]])
def test_a_command_that_reads_a_setting_from_the_environment_refuses_a_misspelt_one(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM_APP_KAFAK", "a:1")
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, SettingsError)
    assert "did you mean STREAM_APP_KAFKA?" in str(done.exception)
    assert CliRunner().invoke(cli, [*words, "--help"]).exit_code == 0


LISTINGS = [["--help"], ["drift", "--help"], ["keys", "list"], ["clients", "count"], ["contracts", "--out", "c"]]


@pytest.fixture
def _with_keys_and_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["keys", "add", "me", "--role", "read"]).exit_code == 0
    Path("clients.csv").write_text("application_id,employees\na,3\n")
    assert CliRunner().invoke(cli, ["clients", "load", "clients.csv"]).exit_code == 0


@pytest.mark.usefixtures("_with_keys_and_clients")
@pytest.mark.parametrize("words", LISTINGS)
def test_output_that_cannot_be_written_is_one_line_and_a_status(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "stream_app", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (
        74,
        "stream-app: The output cannot be written (No space left on device).\n",
    )


@pytest.mark.usefixtures("_with_keys_and_clients")
@pytest.mark.parametrize("words", LISTINGS)
def test_a_reader_that_is_gone_ends_a_command_quietly(words: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "stream_app", *words]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, "")


def shell(redirected: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with its streams redirected by a shell; both are read as far as they are still ours."""
    command = ["sh", "-c", f'exec "$@" {redirected}', "sh", sys.executable, "-m", "stream_app", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.usefixtures("_with_keys_and_clients")
@pytest.mark.parametrize("words", LISTINGS)
def test_a_closed_output_is_one_line_and_a_status(words: list[str]) -> None:
    done = shell(">&-", *words)
    assert (done.returncode, done.stderr) == (74, "stream-app: The output cannot be written (Bad file descriptor).\n")


@pytest.mark.parametrize(
    ("words", "status"),
    [(["nosuch"], 2), (["keys", "list", "--keys", "none"], 2), (["drift", "--store", "none.db"], 9)],
)
@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-"])
def test_a_mistake_keeps_its_status_though_it_cannot_be_reported(
    words: list[str], status: int, redirected: str
) -> None:
    assert shell(redirected, *words).returncode == status


def test_a_full_disk_under_both_streams_is_a_status() -> None:
    assert shell(">/dev/full 2>/dev/full", "--help").returncode == 74


def test_what_a_command_opens_never_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    assert shell(">&- 2>&- <&-", "contracts", "--out", str(tmp_path / "c")).returncode == 74
    assert all(json.loads(path.read_text()) for path in (tmp_path / "c").iterdir())


def test_a_terminal_that_is_gone_is_one_line_and_a_status() -> None:
    ours, terminal = os.openpty()
    os.close(ours)
    command = [sys.executable, "-m", "stream_app", "--help"]
    done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(terminal)
    assert (done.returncode, done.stderr) == (74, "stream-app: The output cannot be written (Input/output error).\n")


def test_a_character_that_a_terminal_does_not_have_is_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    done = shell("", "contracts", "--out", str(tmp_path / "\u2713"))
    assert done.returncode == 0
    assert "/\\u2713/asyncapi.json\n" in done.stdout


@pytest.mark.usefixtures("_with_keys_and_clients")
def test_the_last_key_can_be_removed_and_another_made_after_it() -> None:
    removed = CliRunner().invoke(cli, ["keys", "remove", "me"])
    assert removed.stderr == "The key of me is removed; a running gateway refuses it within a second.\n"
    assert CliRunner().invoke(cli, ["keys", "list"]).stdout == ""
    assert CliRunner().invoke(cli, ["keys", "add", "you", "--role", "request"]).exit_code == 0
    assert CliRunner().invoke(cli, ["keys", "list"]).stdout == "you request\n"


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
        (
            ["produce", "--sample", "1", "--kafka", "127.0.0.1:1", "--wait", "0.2"],
            3,
            "No connection to Kafka at 127.0.0.1:1 within 0.2 s: Nobody listens",
        ),
        (["decisions", "--last", "3", "--from-beginning"], 2, "not both"),
        (["decisions", "--json", "--csv"], 2, "not both"),
        (
            ["rejections", "--kafka", "127.0.0.1:1", "--broker-wait-seconds", "0.2"],
            3,
            "No connection to Kafka at 127.0.0.1:1 within 0.2 s: Nobody listens",
        ),
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


@pytest.mark.parametrize(
    "words",
    [["topics", "check"], ["topics", "create"], ["decisions"], ["rejections"], ["produce", "--sample", "1"]],
    ids=" ".join,
)
def test_the_servers_of_a_properties_file_are_taken_where_no_option_names_others(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "client.properties").write_text("bootstrap.servers=127.0.0.1:1\n")
    monkeypatch.setenv("STREAM_APP_KAFKA_PROPERTIES", str(tmp_path / "client.properties"))
    monkeypatch.setattr("stream_app.kafka_admin._SLICE_SECONDS", 0.1)
    done = CliRunner().invoke(cli, [*words, "--broker-wait-seconds", "0.3"])
    assert "at 127.0.0.1:1 within" in str(done.exception)


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
    done = CliRunner().invoke(cli, [*words, "--kafka", "127.0.0.1:1", "--broker-wait-seconds", "0.3"])
    assert "Waiting for a broker at 127.0.0.1:1" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "file"),
    [(["drift"], "decisions.db"), (["clients", "count"], "clients.db"), (["keys", "list"], "keys.txt")],
)
def test_a_file_that_is_not_there_is_named_with_its_whole_path(
    words: list[str], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / file) in str(CliRunner().invoke(cli, words).exception)
