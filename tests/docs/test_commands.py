"""Every command of the documentation does what its page says: page by page, in order, as it stands.

A page is run in a folder of its own, with a network of its own, so that the ports in the text are free. What is meant
to keep running is started in the background, awaited, and stopped at the end, with status 0.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Step, name_of, needed, steps
from tests.docs.shell import OWN_NETWORK, PORTS, READY, Shell
from tests.servers.tools import NAMESPACES, lack_of

NOT_RUN = {
    "make test": "is what runs this test; so is make test-all",
    "make lint": "is the first half of make test",
    "make lock": "asks the package index for new versions",
    "make dashboards": "writes into the repository; tests/contract compares what it would write",
    "make docs": "writes into the repository; test_generated compares what it would write",
    "sudo apt-get": "changes the machine; .ci/run installs the same on a bare one",
    "brew install": "is for macOS",
    "docker": "needs an engine; tests/contract checks the files, and the workflow builds and starts the image",
    "minisign": "asks for a password; tests/unit/models/test_minisign.py runs it",
    "STREAM_APP_BUNDLE=bundles/signed": "needs that signature",
    "pip install 'loan-stream-scorer[otel]'": "asks the package index; the test lock has the extra",
    "STREAM_APP_TRACING=true": "needs a collector; tests/broker/test_tracing.py has one",
    "kcat": "is a program of others that is not a dependency",
    "kafka-topics.sh": "is Kafka's own tool; tests/broker/test_partitions_added.py has topics grow",
    "echo '{": "is piped into kcat",
    "kafka-acls.sh": "needs a cluster with ACLs; tests/broker/test_rights.py grants and removes the same rights",
    "stream-app topics check --kafka broker.example": "needs a secured cluster; tests/broker has one",
    "stream-app demo --requests 2000 --avro": "needs a schema registry; tests/broker has one",
    "stream-app contracts --bundle bundles/mine": "needs a bundle of yours",
    "stream-app train --data application_train.csv": "needs Home Credit's table, which may not be passed on",
    "stream-app clients load application_train.csv": "the same",
}
"""How a command begins that is not run, and why."""

PARTS = {
    "broker": "stream-app broker --engine kafka",
    "topics": "stream-app topics create",
    "clients": "stream-app clients load",
    "worker": "stream-app worker",
    "redis": "redis-server --save ''",
}


def why_not_run(command: str) -> str:
    return next((reason for begin, reason in NOT_RUN.items() if command.startswith(begin)), "")


def to_run(page: Path) -> list[Step]:
    return [step for step in steps(page) if not why_not_run(step.text)]


def marks(page: Path) -> list[pytest.MarkDecorator]:
    return [pytest.mark.redis] if "redis" in needed(page) else []


RUN = [page for page in PAGES if any(step.kind != "save" for step in to_run(page))]


@pytest.fixture(scope="module")
def network() -> tuple[str, ...]:
    """What gives a command a network of its own; nothing where the system forbids that and its own ports are free."""
    if subprocess.run([*OWN_NETWORK, "ip", "link"], check=False, capture_output=True).returncode == 0:
        return OWN_NETWORK
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(lack_of(NAMESPACES))  # and a port of the pages is taken
    return ()


@pytest.fixture
def shell(network: tuple[str, ...], tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder that looks like a fresh clone, with an environment that is set up."""
    clone, outputs = tmp_path / "clone", tmp_path / "outputs"
    clone.mkdir()
    outputs.mkdir()
    for entry in ROOT.iterdir():
        if entry.name == "pyproject.toml" or entry.name.startswith("requirements"):
            shutil.copy(entry, clone)  # as old as can be: make finds the environment up to date and leaves it alone
            os.utime(clone / entry.name, (0, 0))
        elif entry.name not in (".git", "bundles"):
            (clone / entry.name).symlink_to(entry)
    opened = Shell(clone, outputs, network)
    yield opened
    opened.close()


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.xdist_group("docs")  # one page at a time: without networks of their own they share the ports
@pytest.mark.timeout(540)
@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page), marks=marks(page)) for page in RUN])
def test_every_command_of_the_page_succeeds(page: Path, shell: Shell) -> None:
    for part in needed(page):
        do(Step("command", PARTS[part]), shell)
    for step in to_run(page):
        do(step, shell)
    shell.stop_all()


def do(step: Step, shell: Shell) -> None:
    command = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", step.text)
    if step.kind == "save":
        (shell.folder / step.file).write_text(step.text)
    elif step.kind == "python":
        shell.run(f"python - <<'END'\n{step.text}END")
    elif command.startswith(tuple(READY)):
        shell.start(step.text)
    else:
        shell.run(step.text)


def test_a_reason_is_given_only_for_commands_that_the_pages_have() -> None:
    shown = [step.text for page in PAGES for step in steps(page)]
    assert [begin for begin in NOT_RUN if not any(text.startswith(begin) for text in shown)] == []
