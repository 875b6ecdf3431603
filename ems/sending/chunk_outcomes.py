"""What becomes of the recipients of one call, as the ledger records it."""

from collections.abc import Iterable, Mapping

from ems.aws.ses_answers import Accepted, NotNow, Outcome, Refused, Unknown
from ems.sending.payloads import ChunkPayload
from ems.store.chunk_state import Settled
from ems.store.reasons import ERASED
from ems.store.status import Status


def judge(chunk: ChunkPayload, positions: Iterable[int], outcomes: Iterable[Outcome]) -> list[Settled]:
    """Turn outcomes into rows; what SES did not take is left out and stays to be sent."""
    settled = []
    for position, outcome in zip(positions, outcomes, strict=True):
        match outcome:
            case Accepted(message_id):
                settled.append(settled_at(chunk, position, Status.SENT, message_id=message_id))
            case Refused(reason, may_pass):
                settled.append(settled_at(chunk, position, Status.FAILED, reason=reason, may_pass=may_pass))
            case Unknown(reason):
                settled.append(settled_at(chunk, position, Status.IN_DOUBT, reason=reason))
            case NotNow():
                continue
    return settled


def suppressed_of(chunk: ChunkPayload, positions: Iterable[int], reasons: Mapping[str, str]) -> list[Settled]:
    """Return those at *positions* who get no mail: those erased, and whose addresses (lower case) *reasons* holds."""
    addresses = {position: chunk.recipients[position].to.lower() for position in positions}
    return [
        settled_at(chunk, position, Status.SUPPRESSED, reason=reasons.get(address, ERASED))
        for position, address in addresses.items()
        if not address or address in reasons
    ]


def erased_of(reasons: Mapping[str, str]) -> set[str]:
    """Return the addresses of those who were erased among those who get no mail."""
    return {address for address, reason in reasons.items() if reason == ERASED}


def settled_at(
    chunk: ChunkPayload,
    position: int,
    status: Status,
    *,
    message_id: str | None = None,
    reason: str | None = None,
    may_pass: bool = False,
    reverts: bool = False,
    repeats: str | None = None,
) -> Settled:
    """Name what became of the recipient at *position* of the chunk."""
    recipient = chunk.recipients[position].to.lower() or None
    return Settled(
        position,
        chunk.email_id(position),
        recipient,
        status,
        message_id=message_id,
        reason=reason,
        may_pass=may_pass,
        reverts=reverts,
        repeats=repeats,
    )
