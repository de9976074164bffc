"""The dashboard has words for every rejection reason, in each language."""

from __future__ import annotations

from pathlib import Path

import pytest

import stream_app.gateway
from stream_app.events import RejectionReason

WORDS = Path(stream_app.gateway.__file__).parent / "static" / "words"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("reason", RejectionReason)
def test_every_reason_for_a_rejection_has_words(reason: RejectionReason, language: str) -> None:
    assert f'"{reason.value}": ' in (WORDS / f"terms_{language}.js").read_text()
