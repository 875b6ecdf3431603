"""Reading the books for the audit.

Items whose time to live has passed count as gone, since DynamoDB deletes them at some time within days.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from ems.store.audit_entries import (
    LEDGER_ATTRIBUTES,
    MAIL_ATTRIBUTES,
    LedgerEntry,
    LotEntry,
    MailEntry,
    SuppressedEntry,
    ledger_entry,
    mail_entry,
)
from ems.store.batches import BATCH
from ems.store.emails import campaign_shards
from ems.store.erased import NOT_SUPPRESSED, AddressHashes
from ems.store.failures import translated
from ems.store.kept import REGISTRY as KEPT
from ems.store.models import BatchRow, SuppressionRow, TrackerRow
from ems.store.parallel import KEYS_A_CALL, in_pages
from ems.store.parking import PAYLOAD, REGISTRY, payload_key
from ems.store.removals import removed
from ems.store.tables import Tables

SEGMENTS = 8
"""Parts of a parallel scan."""


class AuditReads:
    """What the audit reads. Every method raises UnavailableError when DynamoDB is out of reach.

    *clock* gives epoch seconds.
    """

    def __init__(self, tables: Tables, *, clock: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._hashes = AddressHashes(tables)
        self._clock = clock

    def all_mails(self) -> list[Iterator[MailEntry]]:
        """Read every mail, eventually consistently, in sources that may be read at once."""
        table = self._tables.emails
        options = {"total_segments": SEGMENTS, "attributes_to_get": MAIL_ATTRIBUTES}
        return [self._mails(table.scan(segment=segment, **options)) for segment in range(SEGMENTS)]  # type: ignore[arg-type]

    def mails_of_campaign(self, campaign_id: str, *, batch_id: str | None = None) -> list[Iterator[MailEntry]]:
        """Read a campaign's mails, or those of one of its batches, from the index: it lags by milliseconds."""
        table = self._tables.emails
        condition = None if batch_id is None else table.email_id.startswith(f"{batch_id}-")
        return [
            self._mails(table.by_campaign.query(shard, condition, attributes_to_get=MAIL_ATTRIBUTES))
            for shard in campaign_shards(campaign_id)
        ]

    def mails_by_id(self, email_ids: Iterable[str]) -> Iterator[MailEntry]:
        """Read mails consistently; those without a row are missing."""
        for keys in in_pages(email_ids, KEYS_A_CALL):
            with translated("cannot read mails"):
                rows = list(
                    self._tables.emails.batch_get(keys, consistent_read=True, attributes_to_get=MAIL_ATTRIBUTES)
                )
            yield from (mail_entry(row) for row in rows if not self._gone(row.expires_at))

    def all_ledgers(self) -> list[Iterator[LedgerEntry]]:
        """Read every batch and what is of it, eventually consistently, in sources that may be read at once."""
        table = self._tables.batches
        options = {"total_segments": SEGMENTS, "attributes_to_get": LEDGER_ATTRIBUTES}
        return [self._ledger(table.scan(segment=segment, **options)) for segment in range(SEGMENTS)]  # type: ignore[arg-type]

    def ledger_of_batch(self, batch_id: str) -> Iterator[LedgerEntry]:
        """Read one batch, its chunks and what of it is parked, consistently."""
        table = self._tables.batches
        options = {"consistent_read": True, "attributes_to_get": LEDGER_ATTRIBUTES}
        yield from self._ledger(table.query(batch_id, **options))  # type: ignore[arg-type]
        of_batch = table.item.startswith(f"{batch_id}.")
        for lot in self._ledger(table.query(REGISTRY, of_batch, **options)):  # type: ignore[arg-type]
            yield lot
            if isinstance(lot, LotEntry):
                yield from self._payloads(lot)

    def kept_mails(self) -> Iterator[LedgerEntry]:
        """Read which single mails are held with their payload, consistently."""
        table = self._tables.batches
        return self._ledger(table.query(KEPT, consistent_read=True, attributes_to_get=LEDGER_ATTRIBUTES))

    def kept(self, email_ids: Iterable[str]) -> set[str]:
        """Return those of *email_ids*, single mails, whose payload is kept."""
        table = self._tables.batches
        with translated("cannot read what is kept"):
            return {
                row.item
                for page in in_pages(email_ids, KEYS_A_CALL)
                for row in table.batch_get(
                    [(KEPT, one) for one in page], consistent_read=True, attributes_to_get=LEDGER_ATTRIBUTES
                )
            }

    def batch_ids(self, campaign_id: str) -> list[str]:
        """List a campaign's batches."""
        table = self._tables.batches
        condition = (table.item == BATCH) & (table.campaign_id == campaign_id)
        with translated("cannot list batches"):
            return sorted(row.batch_id for row in table.scan(condition, attributes_to_get=["batch_id"]))

    def is_campaign(self, campaign_id: str) -> bool:
        """Tell whether there is such a campaign."""
        with translated("cannot read the campaign"):
            return bool(list(self._tables.campaigns.batch_get([campaign_id], consistent_read=True)))

    def suppressed(self, addresses: Iterable[str]) -> set[str]:
        """Return those of *addresses* that are on the list, by themselves or as persons who were erased."""
        address_of = {key: address for address in addresses for key in (address, self._hashes.of(address))}
        with translated("cannot read suppressions"):
            return {
                address_of[row.address]
                for keys in in_pages(address_of, KEYS_A_CALL)
                for row in self._tables.suppressions.batch_get(keys, consistent_read=True)
                if row.scope != NOT_SUPPRESSED
            }

    def removed(self, addresses: Iterable[str]) -> dict[str, float]:
        """Return when those of *addresses* that were taken off the list on purpose were so, in epoch seconds."""
        return removed(self._tables, addresses)

    def suppressed_by_events(self, source: str) -> Iterator[SuppressedEntry]:
        """Read the entries that events brought about."""
        table = self._tables.suppressions
        rows: Iterator[SuppressionRow] = table.scan(table.source == source, consistent_read=True)
        with translated("cannot read suppressions"):
            for row in rows:
                if row.email_id is not None:
                    yield SuppressedEntry(row.email_id, float(row.since))

    def roughly(self) -> int:
        """Say how many mails there are; DynamoDB counts them anew about every six hours."""
        with translated("cannot read the size of a table"):
            described = self._tables.connection.client.describe_table(TableName=self._tables.emails.Meta.table_name)
        return int(described["Table"].get("ItemCount", 0))

    def _mails(self, rows: Iterable[TrackerRow]) -> Iterator[MailEntry]:
        with translated("cannot read mails"):
            for row in rows:
                if not self._gone(row.expires_at):
                    yield mail_entry(row)

    def _payloads(self, lot: LotEntry) -> Iterator[LedgerEntry]:
        for numbers in in_pages(lot.chunks, KEYS_A_CALL):
            keys = [(payload_key(lot.lot_id, number), PAYLOAD) for number in numbers]
            yield from self._ledger(
                self._tables.batches.batch_get(keys, consistent_read=True, attributes_to_get=LEDGER_ATTRIBUTES)
            )

    def _ledger(self, rows: Iterable[BatchRow]) -> Iterator[LedgerEntry]:
        with translated("cannot read batches"):
            for row in rows:
                entry = None if self._gone(row.expires_at) else ledger_entry(row)
                if entry is not None:
                    yield entry

    def _gone(self, expires_at: datetime | None) -> bool:
        return expires_at is not None and expires_at.timestamp() < self._clock()
