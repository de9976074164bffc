"""What is generated from the code is up to date and complete."""

from __future__ import annotations

import re
import subprocess
import sys

from docs.generate.repository import PACKAGES
from stream_app.settings import GatewaySettings, MonitorSettings, WorkerSettings
from tests.docs.pages import ROOT

ARCHITECTURE = (ROOT / "docs/architecture/README.md").read_text()


def test_what_make_docs_writes_is_what_is_there() -> None:
    """In a process of its own: help texts depend on what other tests did to the command line's modules."""
    command = [sys.executable, "-m", "docs.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_architecture_page_names_every_package_and_no_other() -> None:
    packages = {file.parent for package in PACKAGES for file in (ROOT / package).rglob("__init__.py")}
    named = re.findall(r"^### `([\w/]+)`$", ARCHITECTURE, re.MULTILINE)
    assert sorted(named) == sorted(folder.relative_to(ROOT).as_posix() for folder in packages)


def test_every_module_says_in_a_sentence_what_it_does() -> None:
    rows = re.findall(r"^\| \[`[\w.]+`\]\(([^)]+)\) \| (.*) \|$", ARCHITECTURE, re.MULTILINE)
    assert [file for file, sentence in rows if not sentence.strip()] == []


def test_every_setting_has_a_meaning() -> None:
    fields = GatewaySettings.model_fields | WorkerSettings.model_fields | MonitorSettings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_a_setting_of_the_gateway_and_another_process_has_one_default() -> None:
    for others in (WorkerSettings.model_fields, MonitorSettings.model_fields):
        for name in others.keys() & GatewaySettings.model_fields.keys():
            assert GatewaySettings.model_fields[name].default == others[name].default
