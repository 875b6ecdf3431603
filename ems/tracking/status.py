"""What an event makes of a mail's status: one entry for every status and every kind of evidence.

Events arrive late, twice and in any order, and their timestamps do not restore it (a complaint's may precede its
delivery's), so the status is the highest that any event has proved. The table spells that out; the tests compare it
with the ranks of :mod:`ems.store.status` and play every order of events through it.
"""

from collections.abc import Mapping
from enum import StrEnum

from ems.store.status import Status
from ems.tracking.events import EventType, SesEvent


class Evidence(StrEnum):
    """What an event proves: its type, with bounces told apart."""

    SEND = "send"
    DELIVERY_DELAY = "delivery_delay"
    SOFT_BOUNCE = "soft_bounce"
    DELIVERY = "delivery"
    OPEN = "open"
    CLICK = "click"
    REJECT = "reject"
    RENDERING_FAILURE = "rendering_failure"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINT = "complaint"
    NOT_SPAM = "not_spam"
    SUBSCRIPTION = "subscription"
    UNSUBSCRIBE = "unsubscribe"
    UNKNOWN = "unknown"


_COLUMNS = tuple(Evidence)

QUEU, SENG, DOUB = Status.QUEUED, Status.SENDING, Status.IN_DOUBT
HELD, SUPP, CANC = Status.HELD, Status.SUPPRESSED, Status.CANCELLED
SENT, DELA, SOFT, DELI = Status.SENT, Status.DELAYED, Status.SOFT_BOUNCED, Status.DELIVERED
OPEN, CLIC = Status.OPENED, Status.CLICKED
FAIL, REJE, REND = Status.FAILED, Status.REJECTED, Status.RENDERING_FAILED
BOUN, COMP = Status.BOUNCED, Status.COMPLAINED

# Read a row as: a mail in this status, and then this event. Points that are easy to get wrong:
# - delivered, then a hard bounce: legal, the receiving server changed its mind, so bounced;
# - delivered, then a soft bounce: an out-of-office answer, so delivered stays;
# - a delay after the delivery: it is late news, so delivered stays;
# - not-spam: somebody moved the mail out of the junk folder, so it was delivered; it takes no complaint back, since
#   the complaint may come from another person behind the same address;
# - subscription, unsubscribe: whoever changes preferences holds the mail, but SES does not say that it was delivered,
#   so sent;
# - unknown: proves nothing that we could name;
# - rejected and rendering_failed exclude each other; of the two the table keeps the latter, in either order.
# fmt: off
_ROWS: Mapping[Status, tuple[Status, ...]] = {
    #      send  delay soft  deliv open  click rejec rende hard  compl nspam subsc unsub unknown
    QUEU: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, QUEU),
    SENG: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, SENG),
    DOUB: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, DOUB),
    HELD: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, HELD),
    SUPP: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, SUPP),
    CANC: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, CANC),
    SENT: (SENT, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SENT, SENT, SENT),
    DELA: (DELA, DELA, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, DELA, DELA, DELA),
    SOFT: (SOFT, SOFT, SOFT, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, SOFT, SOFT, SOFT),
    DELI: (DELI, DELI, DELI, DELI, OPEN, CLIC, REJE, REND, BOUN, COMP, DELI, DELI, DELI, DELI),
    OPEN: (OPEN, OPEN, OPEN, OPEN, OPEN, CLIC, REJE, REND, BOUN, COMP, OPEN, OPEN, OPEN, OPEN),
    CLIC: (CLIC, CLIC, CLIC, CLIC, CLIC, CLIC, REJE, REND, BOUN, COMP, CLIC, CLIC, CLIC, CLIC),
    FAIL: (FAIL, FAIL, FAIL, FAIL, FAIL, FAIL, REJE, REND, BOUN, COMP, FAIL, FAIL, FAIL, FAIL),
    REJE: (REJE, REJE, REJE, REJE, REJE, REJE, REJE, REND, BOUN, COMP, REJE, REJE, REJE, REJE),
    REND: (REND, REND, REND, REND, REND, REND, REND, REND, BOUN, COMP, REND, REND, REND, REND),
    BOUN: (BOUN, BOUN, BOUN, BOUN, BOUN, BOUN, BOUN, BOUN, BOUN, COMP, BOUN, BOUN, BOUN, BOUN),
    COMP: (COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP, COMP),
}
# fmt: on

NEXT: Mapping[tuple[Status, Evidence], Status] = {
    (status, evidence): after for status, row in _ROWS.items() for evidence, after in zip(_COLUMNS, row, strict=True)
}
"""The table by its pairs; total over ``Status`` x ``Evidence``."""


def evidence_of(event: SesEvent) -> Evidence:
    """Return the column of an event."""
    if event.type is EventType.BOUNCE:
        return Evidence.HARD_BOUNCE if event.hard else Evidence.SOFT_BOUNCE
    return Evidence(event.type.value)


def next_status(status: Status, evidence: Evidence) -> Status:
    """Return the status of a mail in *status* after *evidence*."""
    return NEXT[status, evidence]
