"""The verdict on a scenario: what was accepted, what SES's own log says, and what EMS's records say."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from stage.product import Api

from ems import queues
from lab.caller import Accepted
from lab.stand import QUEUES, Stand

ON_ITS_WAY = ("queued", "sending")
UNSETTLED = (*ON_ITS_WAY, "in_doubt")
NEVER_SENT = ("failed", "suppressed", "cancelled")
"""States of a mail that SES must not have."""


@dataclass(frozen=True)
class Result:
    """One row of the table: recipients, seconds, and everything that does not hold.

    ``ended_seconds`` is how long the slowest process took to end that was asked to; ``chosen`` the second mails that
    are no duplicates, since the policy or an operator chose them.
    """

    scenario: str
    accepted: int = 0
    sent: int = 0
    duplicates: int = 0
    lost: int = 0
    in_doubt: int = 0
    recovered_seconds: float | None = None
    ended_seconds: float | None = None
    chosen: int = 0
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Books:
    """Everything that is known of a load once it has come to rest.

    Attributes:
        accepted: What the caller was promised.
        taken: SES's log: how often it took each mail.
        told: SES's log: how many events it published, by type.
        counted: EMS's records: how many events it counted, by type.
        standing: EMS's records: the mails in doubt, failed, suppressed and cancelled, as a caller reads them.
        chosen: EMS's records: how often it was decided to send a mail again that SES took more than once.
        cancelled: How many recipients the batch counts as cancelled; they have no rows.
        breaks: What the audit found, and what lies in dead-letter queues.
    """

    accepted: Accepted
    taken: Counter[str]
    told: Counter[str]
    counted: Counter[str]
    standing: Mapping[str, AbstractSet[str]]
    chosen: Mapping[str, int] = field(default_factory=dict)
    cancelled: int = 0
    breaks: tuple[str, ...] = ()

    @property
    def duplicates(self) -> int:
        """How many mails too many SES took, and nobody chose."""
        return sum(max(number - 1 - self.chosen.get(email_id, 0), 0) for email_id, number in self.taken.items())

    @property
    def chosen_again(self) -> int:
        """How many mails too many SES took because somebody chose it."""
        return self.taken.total() - len(self.taken) - self.duplicates

    @property
    def lost(self) -> int:
        """How many SES never had although no record says why; one that is ``sent`` in the records alone is lost."""
        accounted = {one for one in set(self.taken).union(*self.standing.values()) if self.accepted.holds(one)}
        return self.accepted.total - len(accounted) - self.cancelled

    def contradictions(self) -> Iterator[str]:
        """Say where the records and SES's log cannot both be right."""
        for email_id in sorted(email_id for email_id in self.taken if not self.accepted.holds(email_id)):
            yield f"{email_id} was sent and never accepted"
        for status in NEVER_SENT:
            for email_id in sorted(self.standing[status] & self.taken.keys()):
                yield f"{email_id} is {status} in the records, and SES sent it"
        for kind in sorted(self.told | self.counted):
            if self.told[kind] != self.counted[kind]:
                yield f"SES told {self.told[kind]} times of {kind}, EMS counted {self.counted[kind]}"


def standings(api: Api, accepted: Accepted) -> Counter[str]:
    """Count what was accepted by how its sending stands, as a caller reads it."""
    counts = {} if accepted.batch_id is None else api.batch(accepted.batch_id)["counts"]
    # What events make of a mail that was sent (delivered, opened) is no part of its sending.
    singles = (api.email(email_id)["status"] for email_id in accepted.singles)
    known = Counter(status if status in UNSETTLED else "final" for status in singles)
    return known + Counter(counts)


def are_final(standings: Counter[str]) -> bool:
    """Tell whether nothing is on its way any more."""
    return not any(standings[state] for state in ("waiting", *ON_ITS_WAY))


def read_books(stand: Stand, accepted: Accepted) -> Books:
    """Read SES's log and EMS's records of a load."""
    api, campaign_id = stand.api, accepted.campaign_id
    mails = list(stand.ses.mails(campaign_id=campaign_id))
    verdicts = stand.services.auditor.subject(campaign_id)
    taken = Counter(mail["tags"]["ems_email_id"] for mail in mails)
    dead = stand.depths([queues.dead_letter(name) for name in QUEUES])
    return Books(
        accepted,
        taken=taken,
        told=Counter("_".join(event["type"].lower().split()) for mail in mails for event in mail["events"]),
        counted=sum((verdict.recount.events for verdict in verdicts), Counter[str]()),
        standing={
            status: {mail["email_id"] for mail in api.emails(campaign_id, status)}
            for status in ("in_doubt", *NEVER_SENT)
        },
        chosen={email_id: _resends(api, email_id) for email_id, number in taken.items() if number > 1},
        cancelled=0 if accepted.batch_id is None else api.batch(accepted.batch_id)["counts"]["cancelled"],
        breaks=(
            *(str(broken) for verdict in verdicts for broken in verdict.breaks),
            *(f"{number} messages are in {name}" for name, number in dead.items() if number),
        ),
    )


def _resends(api: Api, email_id: str) -> int:
    return sum(one["decision"] == "resend" for one in api.email(email_id)["decisions"])


def judge(
    books: Books,
    scenario: str,
    *,
    doubt: int,
    recovered_seconds: float | None = None,
    ended_seconds: float | None = None,
    breaks: Sequence[str] = (),
) -> Result:
    """Give the verdict. At most *doubt* recipients may be in doubt; *breaks* are known before."""
    in_doubt = len(books.standing["in_doubt"])
    found = [
        *breaks,
        *([f"{books.duplicates} mails went out twice"] if books.duplicates else []),
        *([f"{books.lost} recipients are lost"] if books.lost else []),
        *([f"{in_doubt} recipients are in doubt, at most {doubt} may be"] if in_doubt > doubt else []),
        *books.contradictions(),
        *books.breaks,
    ]
    return Result(
        scenario,
        accepted=books.accepted.total,
        sent=len(books.taken),
        duplicates=books.duplicates,
        lost=books.lost,
        in_doubt=in_doubt,
        recovered_seconds=recovered_seconds,
        ended_seconds=ended_seconds,
        chosen=books.chosen_again,
        breaks=tuple(found),
    )
