"""Addresses out of texts that are logged, kept or shown to people."""

import re

_ADDRESS = re.compile(r"[^\s\"'<>,;:()\[\]]+@[^\s\"'<>,;:()\[\]]+")


MASK = "…@…"


def masked(text: str) -> str:
    """Return *text* with every mail address in it masked."""
    return _ADDRESS.sub(MASK, text)
