"""Defects of kombu that this package makes up for, until a release has the fix.

docs/upstream holds each fix as a patch with its test. Ours steps aside in every release after the last that was seen to
need it; if that one turns out to need it as well, the tests of the behaviour fail and the number here goes up.
"""

from collections.abc import Sequence

import kombu

KOMBU: Sequence[int] = kombu.VERSION[:3]  # type: ignore[attr-defined]  # kombu-stubs lacks it
LAST_HASTELESS_HUB = (5, 7, 0)
"""Its loop sleeps although timers are due or calls of its own thread wait: docs/upstream/kombu-hub-look-again.patch."""


def hub_needs_haste(version: Sequence[int] = KOMBU) -> bool:
    """Tell whether this kombu's loop has to be told to look again."""
    return tuple(version) <= LAST_HASTELESS_HUB
