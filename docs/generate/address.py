"""The project's public address, stated once in pyproject.toml, written wherever somebody follows it from outside.

Until it is set, the badge is left out and runbooks are named by their path in the repository.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from docs.generate.markdown import between

ROOT = Path(__file__).parents[2]
PYPROJECT, README = ROOT / "pyproject.toml", ROOT / "README.md"
ALERTS = [ROOT / "monitoring/prometheus/alerts.yml", *sorted((ROOT / "monitoring/prometheus/tests").glob("*.yml"))]
NOT_SET = ".invalid/"
"""In an address of this domain, which never exists."""

PAGES = {"Documentation": "docs/README.md", "Changelog": "CHANGELOG.md"}


def project_url() -> str:
    return str(tomllib.loads(PYPROJECT.read_text())["project"]["urls"]["Repository"])


def public_path(path: str, url: str) -> str:
    """Where people outside find a file of the repository; its path alone while there is no address."""
    return path if NOT_SET in url else f"{url}/blob/main/{path}"


def with_address(url: str) -> dict[Path, str]:
    """Every file that contains the address or what follows from it, with ``url`` as the address."""
    alerts = {file: _with_runbooks(file.read_text(), url) for file in ALERTS}
    return alerts | {
        PYPROJECT: _with_urls(PYPROJECT.read_text(), url),
        README: between(README.read_text(), "badge", _badge(url)),
    }


def _with_urls(text: str, url: str) -> str:
    lines = [f'{name} = "{url}/blob/main/{path}"\n' for name, path in PAGES.items()]
    return re.sub(r"(?:^(?:Documentation|Changelog) = .*\n)+", "".join(lines), text, flags=re.MULTILINE)


def _with_runbooks(text: str, url: str) -> str:
    return re.sub(r"\S*docs/runbooks\.md#", public_path("docs/runbooks.md#", url), text)


def _badge(url: str) -> str:
    workflow = f"{url}/actions/workflows/ci.yml"
    return "" if NOT_SET in url else f"[![ci]({workflow}/badge.svg)]({workflow})\n"
