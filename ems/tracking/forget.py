"""What the history of a mail still tells when somebody in it was erased: what happened and when, and nothing of whom.

Diagnostics, SMTP answers, links, user agents and IP addresses are texts by or about the person. What stays is what
the counters, the audit and the suppression list were told by.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

KEPT_DETAILS = frozenset(
    {
        "action",
        "bounce_subtype",
        "bounce_type",
        "by",
        "complaint_subtype",
        "delay_type",
        "feedback_id",
        "feedback_type",
        "processing_ms",
        "ses_type",
        "status",
        "unsubscribed",
    }
)
"""Words and figures of SES, and how somebody unsubscribed; everything else of an event's detail goes, also what a later
release adds."""


def history_without(
    timeline: Iterable[Mapping[str, Any]], erased: Collection[str], *, main: str | None
) -> tuple[Mapping[str, Any], ...]:
    """Return a timeline that tells nothing of those whose addresses (lower case) were *erased*.

    Args:
        timeline: Entries as :mod:`ems.tracking.decide` makes them.
        erased: The addresses.
        main: Whom entries without a recipient are about; None when that one was erased before.
    """
    return tuple(
        _forgotten(entry) if (whose := entry.get("recipient", main)) is None or whose in erased else entry
        for entry in timeline
    )


def _forgotten(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = {name: value for name, value in (entry.get("detail") or {}).items() if name in KEPT_DETAILS}
    # An entry about a copy stays one: it is not counted.
    copy = {"recipient": None} if "recipient" in entry else {}
    return {**entry, **copy, "detail": detail}
