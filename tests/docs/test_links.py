"""Every link inside the repository leads somewhere, and every page is reached from the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, code_spans, name_of, relative_links


def target_of(page: Path, link: str) -> tuple[Path, str]:
    file, _, fragment = link.partition("#")
    return ((page.parent / file).resolve() if file else page), fragment


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for link in relative_links(page):
        target, fragment = target_of(page, link)
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not fragment or fragment in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    named = [span for span in code_spans(page) if re.fullmatch(r"(?:\w+/)+\w+\.(?:py|md|yml|json)", span)]
    assert [file for file in named if not file.startswith("bundles/") and not (ROOT / file).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [target_of(page, link)[0] for link in relative_links(page)]
    assert {name_of(page) for page in PAGES} - {name_of(page) for page in reached} == set()
