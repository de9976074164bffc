"""Writes every generated page: ``python -m docs.generate``, or ``make docs``. ``--check`` only names what is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generate.address import ROOT, project_url, with_address
from docs.generate.commands import commands, exit_statuses
from docs.generate.http_api import http_api
from docs.generate.markdown import between
from docs.generate.records import records
from docs.generate.repository import decisions, rooms
from docs.generate.rights import rights
from docs.generate.settings_and_metrics import metrics, settings

ARCHITECTURE = ROOT / "docs/architecture/README.md"
PAGES = {
    "docs/reference/settings.md": settings,
    "docs/reference/metrics.md": metrics,
    "docs/reference/records.md": records,
    "docs/reference/cli.md": commands,
    "docs/reference/exit-statuses.md": exit_statuses,
    "docs/reference/http-api.md": http_api,
    "docs/reference/rights.md": rights,
    "docs/decisions/README.md": decisions,
}


def generated() -> dict[Path, str]:
    """Every file this module writes, with its content."""
    pages = {ROOT / name: make() for name, make in PAGES.items()}
    return pages | with_address(project_url()) | {ARCHITECTURE: between(ARCHITECTURE.read_text(), "rooms", rooms())}


def stale() -> dict[Path, str]:
    """Those whose content on disk is another one."""
    return {file: text for file, text in generated().items() if not file.exists() or file.read_text() != text}


def main() -> None:
    found = stale()
    for file, text in found.items():
        sys.stdout.write(f"{file.relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            file.write_text(text)
    sys.exit(bool(found) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
