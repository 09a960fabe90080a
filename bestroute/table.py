"""Aligned columns of text, and how numbers are written in them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, a line a row; those whose cells are all numbers or blanks are aligned to the right."""
    columns = list(zip(head, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    right = [all(_numeric(cell) for cell in column[1:]) for column in columns]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *rows)
    )


def _numeric(cell: str) -> bool:
    return not cell.strip("-+0123456789.%$ ")


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table cell, `-` for none."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share of all for a table cell, in percent; `-` for none."""
    return "-" if value is None else f"{value:.1%}"


def dollars(value: float) -> str:
    """US$ with four significant digits."""
    return f"{value:.4g}"
