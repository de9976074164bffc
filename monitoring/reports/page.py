"""The page of a report: what was compared and the monitor's verdicts, above Evidently's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from monitoring.display.feature_table import figures_grid
from monitoring.display.table import Cell, Grid
from monitoring.display.verdicts import ALARM, FAINT, GOOD, drifted
from monitoring.display.window_table import window_grid
from stream_app.drift_events import DriftEvent

# The page is one file that must stay readable for years on machines without a network: the policy keeps the browser
# from fetching anything, whatever Evidently's script asks for.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)

_STYLE = """
.about { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0 auto; padding: 24px 32px;
  max-width: 1240px }
.about h1 { font-size: 26px; margin: 0 0 12px } .about h2 { font-size: 18px; margin: 28px 0 8px }
.about p { margin: 6px 0; max-width: 110ch }
.about table { border-collapse: collapse; font-variant-numeric: tabular-nums }
.about th, .about td { padding: 4px 14px 4px 0; text-align: left; border-bottom: 1px solid #ddd;
  white-space: nowrap }
.about th { white-space: pre; font-weight: 600; vertical-align: bottom } .about .right { text-align: right }
.about .alarm { color: #b3261e; font-weight: 700 } .about .good { color: #1b6e2e } .about .faint { color: #666 }
.about .strong { font-weight: 700 }
"""

_CLASSES = {ALARM: "alarm", GOOD: "good", FAINT: "faint", "bold": "strong", "bold yellow": "alarm"}

_HOW_TO_READ = (
    "A distribution is called drifted when its population stability index (PSI) exceeds its limit, which follows from "
    "the number of decisions; missing values and categories never seen count as bins of their own. The distance "
    "(Evidently's, of the values that are there) is a second opinion and judged by nobody."
)
_DEFAULTS = (
    "Defaults become known before paid loans do. Calibration judges bounds of observed ÷ predicted defaults that hold "
    "whatever becomes of the loans that are still open."
)
_PICTURES = (
    "Evidently's table of the same distributions, current: the decisions'. The arrow left of a row opens its picture. "
    '"Detected" repeats the verdict above. Missing values are not drawn.'
)


@dataclass(frozen=True)
class About:
    """What a page is about. ``compared`` and ``reference`` end a sentence: which rows, how many, from when."""

    title: str
    compared: str
    reference: str
    left_out: Sequence[str]


def page(about: About, event: DriftEvent, pictures: str) -> str:
    """The whole page; ``pictures`` is Evidently's, into which ours is put."""
    head = (
        f'<head><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(about.title)}</title><style>{_STYLE}</style>"
    )
    # Both tags come before anything that holds data, and names in the data hold no tags.
    return pictures.replace("<head>", head, 1).replace("<body>", f"<body>{_section(about, event)}", 1)


def _section(about: About, event: DriftEvent) -> str:
    empty = f"Not drawn, for want of a single value on one side: {', '.join(about.left_out)}." if about.left_out else ""
    return "".join(
        (
            '<section class="about">',
            f"<h1>{escape(about.title)}</h1>",
            _paragraph(f"Compared: {about.compared}"),
            _paragraph(f"With: {about.reference}"),
            _paragraph(f"Outcomes as known on {event.computed_at:%Y-%m-%d %H:%M} UTC.", "faint"),
            _verdict(event),
            _html(window_grid([event])),
            _paragraph(_DEFAULTS),
            "<h2>Distributions, the furthest out first</h2>",
            _html(figures_grid(event)),
            _paragraph(_HOW_TO_READ),
            "<h2>Pictures</h2>",
            _paragraph(" ".join((_PICTURES, empty))),
            "</section>",
        )
    )


def _verdict(event: DriftEvent) -> str:
    if event.verdict == "too_few":
        return _paragraph("Too few decisions to judge: nothing below is called drift, and nothing stable.", "strong")
    if names := drifted(event):
        return _paragraph(f"Drifted: {', '.join(names)}.", "alarm")
    return _paragraph("Nothing drifted.", "good")


def _paragraph(text: str, css_class: str = "") -> str:
    return f'<p class="{css_class}">{escape(text)}</p>'


def _html(grid: Grid) -> str:
    sides = ["right" if column.right else "" for column in grid.columns]
    headings = zip(grid.columns, sides, strict=True)
    head = "".join(f'<th class="{side}">{escape(column.heading)}</th>' for column, side in headings)
    return f"<table><tr>{head}</tr>{''.join(_row(row, sides) for row in grid.rows)}</table>"


def _row(row: Sequence[Cell], sides: Sequence[str]) -> str:
    cells = zip(row, sides, strict=True)
    inner = (f'<td class="{side} {_CLASSES.get(cell.style, "")}">{escape(cell.text)}</td>' for cell, side in cells)
    return f"<tr>{''.join(inner)}</tr>"
