"""Handlebars as SES reads it, where the parser that EMS uses wants it narrower."""

import re

_SPACED_DECORATOR = re.compile(r"(\{\{~?#\*)\s+(?=inline\b)")


def readable(source: str) -> str:
    """Return *source* as the parser can read it: SES's guide writes ``{{#* inline "name"}}``, with a space.

    Source: SES developer guide, "Advanced email personalization", "Creating inline partials".
    """
    return _SPACED_DECORATOR.sub(r"\1", source)
