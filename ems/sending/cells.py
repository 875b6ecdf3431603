"""Texts of strangers as cells of a CSV file: a spreadsheet runs as a formula what begins like one.

An apostrophe before it stops that (OWASP, "CSV Injection"). Only texts that begin like a formula get one, also those
that do behind apostrophes of their own: so :func:`meant` gives back exactly what :func:`harmless` was given.
"""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take these too
"""How a cell begins that a spreadsheet may run as a formula, or hide one behind."""


def harmless(text: str) -> str:
    """Return *text* as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _is_formula(text) else text


def meant(cell: str) -> str:
    """Return the text that was made the harmless *cell*."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    return text.lstrip("'").startswith(FORMULA_STARTS)
