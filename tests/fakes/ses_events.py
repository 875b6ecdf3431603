"""The SES events of tests/unit/tracking/fixtures, as they are or changed."""

import json
from pathlib import Path
from typing import Any

from ems.tracking.events import SesEvent, parse

FIXTURES = Path(__file__).parent.parent / "unit" / "tracking" / "fixtures"


def load(name: str, **mail: Any) -> dict[str, Any]:
    """Read a fixture; *mail* replaces values of its mail object, None removes one."""
    document: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    if mail:
        changed = {**document["mail"], **mail}
        document["mail"] = {key: value for key, value in changed.items() if value is not None}
    return document


def event(name: str, **mail: Any) -> SesEvent:
    """Parse a fixture that is about one recipient."""
    (only,) = parse(load(name, **mail))
    return only
