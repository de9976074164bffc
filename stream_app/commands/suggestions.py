"""Suggestions for misspelt commands and choices; click itself makes them for options only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import click


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question to end a message with, empty when nothing known is like the word."""
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


class Group(click.Group):
    """A group of commands that suggests the nearest one for a misspelt one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as mistake:
            mistake.message += did_you_mean(args[0], self.list_commands(ctx))
            raise


class Choice(click.Choice[str]):
    """One of a few words; suggests the nearest for a misspelt one."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return super().get_invalid_choice_message(value, ctx) + did_you_mean(str(value), self.choices)
