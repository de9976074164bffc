"""How a table is written, where it does not say so itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableFormat:
    """What the user says of a file. None: found out from the file.

    ``delimiter``, ``encoding`` and ``decimal`` (a point or a comma) are those of a CSV file; ``drop`` names columns
    that are left out before anything is judged.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    drop: tuple[str, ...] = ()


AS_IT_IS = TableFormat()
