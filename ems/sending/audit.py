"""The audit: recount a batch, or a campaign's single mails, from the rows, and compare with what the books say.

For a batch: accepted = waiting + sending + sent + failed + suppressed + cancelled + in doubt; the chunks' counts equal
the rows; every sent mail has a message id; no message id stands twice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ems.errors import UnknownIdError
from ems.sending.batches import Batches
from ems.store.emails import campaign_shards
from ems.store.failures import translated
from ems.store.models import TrackerRow
from ems.store.status import Status, current
from ems.store.tables import Tables

COUNTED = (Status.SENT, Status.FAILED, Status.SUPPRESSED, Status.CANCELLED, Status.IN_DOUBT)


@dataclass(slots=True)
class Recount:
    """What the rows say: mails by the sender's state, by present status, and SES events by type."""

    sender: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    message_ids: Counter[str] = field(default_factory=Counter)
    without_message_id: list[str] = field(default_factory=list)

    def add(self, row: TrackerRow) -> None:
        """Count one row."""
        status = current(row.send_status, row.event_status)
        self.status[status.value] += 1
        self.sender[row.send_status or "none"] += 1
        for event, moment in (row.moments or {}).items():
            self.events[event] += int(moment["count"])
        if row.message_id:
            self.message_ids[row.message_id] += 1
        elif row.send_status == Status.SENT.value:
            self.without_message_id.append(row.email_id)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was audited and every break that was found; sound when there is none."""

    subject: str
    accepted: int
    recount: Recount
    breaks: list[str]

    @property
    def sound(self) -> bool:
        """Whether everything adds up."""
        return not self.breaks


class Auditor:
    """Audits from the records alone; reads eventually consistent indexes, so let the dust settle first."""

    def __init__(self, tables: Tables, batches: Batches) -> None:
        self._tables = tables
        self._batches = batches

    def batch(self, batch_id: str) -> Verdict:
        """Audit one batch.

        Raises:
            UnknownIdError: No batch of this id was accepted.
        """
        view = self._batches.get(batch_id)
        recount = _recount(self._rows(view.campaign_id, prefix=f"{batch_id}-"))
        counts = view.counts
        breaks = list(_row_breaks(recount))
        booked = {status.value: getattr(counts, status.value) for status in COUNTED}
        total = counts.waiting + counts.sending + sum(booked.values())
        if total != view.total:
            breaks.append(f"{batch_id}: {view.total} were accepted and {total} are accounted for")
        for status in COUNTED:
            if status is Status.CANCELLED:
                continue  # cancelled recipients have no rows
            if booked[status.value] != recount.sender[status.value]:
                breaks.append(
                    f"{batch_id}: the chunks count {booked[status.value]} {status.value}, "
                    f"the rows {recount.sender[status.value]}"
                )
        return Verdict(f"batch {batch_id}", view.total, recount, breaks)

    def campaign(self, campaign_id: str) -> list[Verdict]:
        """Audit a campaign: each of its batches, and its single mails together."""
        singles = _recount(row for row in self._rows(campaign_id, prefix=None) if row.batch_id is None)
        verdict = Verdict(
            f"single mails of campaign {campaign_id}",
            singles.sender.total(),
            singles,
            list(_row_breaks(singles)),
        )
        return [*(self.batch(batch_id) for batch_id in self._batch_ids(campaign_id)), verdict]

    def subject(self, identifier: str) -> list[Verdict]:
        """Audit the batch of this id or, if there is none, the campaign.

        Raises:
            UnknownIdError: Neither is there, nor a mail of such a campaign: a typing error must not look sound.
        """
        try:
            return [self.batch(identifier)]
        except UnknownIdError:
            verdicts = self.campaign(identifier)
        if not any(verdict.accepted for verdict in verdicts) and identifier not in self._campaign_ids():
            raise UnknownIdError("batch or campaign", identifier)
        return verdicts

    def everything(self) -> list[Verdict]:
        """Audit every campaign that has accepted mail."""
        return [verdict for campaign_id in self._campaign_ids() for verdict in self.campaign(campaign_id)]

    def _campaign_ids(self) -> list[str]:
        with translated("cannot list campaigns"):
            return sorted({row.campaign_id for row in self._tables.campaigns.scan(attributes_to_get=["campaign_id"])})

    def _rows(self, campaign_id: str, *, prefix: str | None) -> Iterator[TrackerRow]:
        table = self._tables.emails
        condition = None if prefix is None else table.email_id.startswith(prefix)
        for shard in campaign_shards(campaign_id):
            with translated("cannot read mails"):
                yield from table.by_campaign.query(shard, condition)

    def _batch_ids(self, campaign_id: str) -> list[str]:
        table = self._tables.batches
        condition = (table.item == "batch") & (table.campaign_id == campaign_id)
        condition &= ~table.state.is_in("accepting", "abandoned")
        with translated("cannot list batches"):
            return sorted(row.batch_id for row in table.scan(condition))


def _recount(rows: Iterable[TrackerRow]) -> Recount:
    recount = Recount()
    for row in rows:
        recount.add(row)
    return recount


def _row_breaks(recount: Recount) -> Iterator[str]:
    for email_id in recount.without_message_id:
        yield f"{email_id}: sent without a message id"
    for message_id, number in recount.message_ids.items():
        if number > 1:
            yield f"message id {message_id} stands on {number} mails"
