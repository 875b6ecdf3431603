"""The ten tables as PynamoDB models (DESIGN.md section 5).

The classes here carry no table name, region or host: :func:`ems.store.tables.bind` derives bound classes from them at
start, so that nothing is decided at import and two configurations can live in one process.

Times are epoch seconds as floats (``created_at``), TTLs epoch seconds as integers (``expires_at``).
"""

from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    NumberAttribute,
    NumberSetAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

CAMPAIGN_SHARDS = 16
"""Partitions that one campaign's mails are spread over in the campaign index: one key takes 1,000 writes a second."""


class CampaignRow(Model):
    """A campaign: one template and who sends it.

    ``state`` is ``active``, ``paused_by_operator`` or ``paused_by_breaker``. ``template_name`` names the SES template
    of ``template_version``; older versions stay in SES for the mails in flight. ``marks`` say since when the breaker
    counts (:class:`ems.store.breakers.Marks`).
    """

    campaign_id = UnicodeAttribute(hash_key=True)
    name = UnicodeAttribute()
    kind = UnicodeAttribute()
    sender = UnicodeAttribute()
    reply_to = ListAttribute[Any](of=UnicodeAttribute, null=True)
    subject = UnicodeAttribute()
    html = UnicodeAttribute(null=True)
    text = UnicodeAttribute(null=True)
    template_name = UnicodeAttribute()
    template_version = NumberAttribute()
    variables = ListAttribute[Any](of=UnicodeAttribute, default=list)
    state = UnicodeAttribute(default="active")
    state_reason = UnicodeAttribute(null=True)
    duplicate_window_seconds = NumberAttribute(null=True)
    marks = JSONAttribute(null=True)
    resumed_at = NumberAttribute(null=True)
    created_at = NumberAttribute()
    updated_at = NumberAttribute()


class MessageIdIndex(GlobalSecondaryIndex["TrackerRow"]):  # type: ignore[no-untyped-call]  # PynamoDB types it not
    """SES message id to email id."""

    class Meta:
        """Index settings."""

        index_name = "by-message-id"
        projection = KeysOnlyProjection()

    message_id = UnicodeAttribute(hash_key=True)


class RecipientIndex(GlobalSecondaryIndex["TrackerRow"]):  # type: ignore[no-untyped-call]  # PynamoDB types it not
    """Recipient address (lower case) to mails."""

    class Meta:
        """Index settings."""

        index_name = "by-recipient"
        projection = AllProjection()

    recipient = UnicodeAttribute(hash_key=True)
    email_id = UnicodeAttribute(range_key=True)


class CampaignIndex(GlobalSecondaryIndex["TrackerRow"]):  # type: ignore[no-untyped-call]  # PynamoDB types it not
    """Campaign shard (``campaign_id#NN``) to mails."""

    class Meta:
        """Index settings."""

        index_name = "by-campaign"
        projection = AllProjection()

    campaign_shard = UnicodeAttribute(hash_key=True)
    email_id = UnicodeAttribute(range_key=True)


class TrackerRow(Model):
    """One mail to one recipient and everything that became of it.

    Two writers, two attributes, no conflict: the sender owns ``send_status`` (queued, sending, in_doubt, held, sent,
    failed, suppressed, cancelled), tracking owns ``event_status``; a reader sees the higher of the two in rank
    (:func:`ems.store.status.current`). An event may create the row before the sender wrote it.

    ``doubted_at`` is when the outcome of an SES call for it was last unknown, ``decisions`` what was decided about it
    then or after a failure, ``message_ids`` every message that SES is known to have made of a mail that was sent again
    (``message_id`` is one of them). ``may_pass`` marks a failure whose reason lies outside the mail. ``repeats`` is the
    mail that one was held for as its possible duplicate. ``request_id`` is what the logs know the request by that the
    mail was accepted with. ``erased_at`` is when its recipient was erased, who is not named since.

    ``moments`` maps an event type to ``{"first": t, "last": t, "count": n}``; ``seen`` holds the keys of the events
    already applied; ``timeline`` the first events in full, bounded. ``facts`` is what the counters have of the mail
    (:class:`ems.store.facts.Facts`). ``version`` guards tracking's read-modify-write.
    """

    email_id = UnicodeAttribute(hash_key=True)
    campaign_id = UnicodeAttribute(null=True)
    campaign_shard = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(null=True)
    batch_id = UnicodeAttribute(null=True)
    chunk = NumberAttribute(null=True)
    recipient = UnicodeAttribute(null=True)
    message_id = UnicodeAttribute(null=True)
    send_status = UnicodeAttribute(null=True)
    event_status = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    may_pass = BooleanAttribute(null=True)
    repeats = UnicodeAttribute(null=True)
    doubted_at = NumberAttribute(null=True)
    decisions = JSONAttribute(null=True)
    message_ids = UnicodeSetAttribute(null=True)
    attempts = NumberAttribute(null=True)
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)
    request_id = UnicodeAttribute(null=True)
    enqueued = BooleanAttribute(null=True)
    created_at = NumberAttribute(null=True)
    updated_at = NumberAttribute(null=True)
    sent_at = NumberAttribute(null=True)
    timeline = JSONAttribute(null=True)
    moments = JSONAttribute(null=True)
    seen = UnicodeSetAttribute(null=True)
    erased_at = NumberAttribute(null=True)
    facts = JSONAttribute(null=True)
    version = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)

    by_message_id = MessageIdIndex()
    by_recipient = RecipientIndex()
    by_campaign = CampaignIndex()


class BatchRow(Model):
    """One table for a batch, its chunks and what is parked, told apart by ``item``.

    - ``batch``: the accepted request, ``size`` entries of which ``total`` were taken. ``state`` is ``accepting``
      (chunks are being enqueued), ``abandoned`` (its acceptance died), ``waiting`` (accepted), ``paused`` or
      ``cancelled``; ``scheduled``, ``sending`` and ``done`` are derived on reading. ``chunks`` have been numbered, the
      last ``more_chunks`` of them for recipients that are sent to again.
      ``canary`` of them go out before the rest, which waits for what becomes of their recipients; it is 0 from then on.
    - ``chunk#NNNNNN``: created by the first sender that takes the chunk. ``left`` lists the positions in the chunk
      that were never tried or that SES gave back, ``under_way`` those of the call in progress. ``doubted``, ``passing``
      and ``repeating`` name the mails in doubt, those that failed for a reason that may pass and those that are held
      as possible duplicates. ``again`` is of a chunk whose recipients are sent to once more, or after all: the state
      that they were in.
    - ``parked``: the message of a chunk that waits outside the queue, under a key of its own.
    - ``kept#NNNNNN``: the payload of a chunk of which something may be sent again.

    Items of the key ``#parked`` list what is parked, one for each lot (:mod:`ems.store.parking`), and in the item
    ``#queue`` the campaign whose chunks ``email-wait`` holds; those of ``#kept`` list the batches and, with their
    payload, the single mails that are held; those of ``#ses`` list the addresses that SES's own suppression list is to
    be told of (:mod:`ems.store.out_of_step`).
    """

    batch_id = UnicodeAttribute(hash_key=True)
    item = UnicodeAttribute(range_key=True)
    # batch
    campaign_id = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    total = NumberAttribute(null=True)
    chunks = NumberAttribute(null=True)
    more_chunks = NumberAttribute(null=True)
    chunk_size = NumberAttribute(null=True)
    canary = NumberAttribute(null=True)
    template_name = UnicodeAttribute(null=True)
    subject = UnicodeAttribute(null=True)
    variables = ListAttribute[Any](of=UnicodeAttribute, null=True)
    send_at = NumberAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)
    request_id = UnicodeAttribute(null=True)
    created_at = NumberAttribute(null=True)
    updated_at = NumberAttribute(null=True)
    # chunk
    size = NumberAttribute(null=True)
    left = ListAttribute[Any](of=NumberAttribute, null=True)
    under_way = ListAttribute[Any](of=NumberAttribute, null=True)
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    sent = NumberAttribute(null=True)
    failed = NumberAttribute(null=True)
    suppressed = NumberAttribute(null=True)
    cancelled = NumberAttribute(null=True)
    in_doubt = NumberAttribute(null=True)
    held = NumberAttribute(null=True)
    doubted = UnicodeSetAttribute(null=True)
    passing = UnicodeSetAttribute(null=True)
    repeating = UnicodeSetAttribute(null=True)
    again = UnicodeAttribute(null=True)
    started_at = NumberAttribute(null=True)
    # parked and kept
    payload = UnicodeAttribute(null=True)
    parked = NumberSetAttribute(null=True)
    touched_at = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class SuppressionRow(Model):
    """An address that gets no mail: of no kind (``scope`` ``all``) or of no campaign (``bulk``).

    ``earlier_reason`` and ``earlier_since`` are of an entry for bulk beside this one for all mail.

    An ``address`` that starts with ``erased#`` is the mark of a person erased at ``erased_at``
    (:mod:`ems.store.erased`); its scope may be ``none``, and then it expires.
    """

    address = UnicodeAttribute(hash_key=True)
    reason = UnicodeAttribute()
    scope = UnicodeAttribute(default="all")
    source = UnicodeAttribute(null=True)
    email_id = UnicodeAttribute(null=True)
    since = NumberAttribute()
    earlier_reason = UnicodeAttribute(null=True)
    earlier_since = NumberAttribute(null=True)
    erased_at = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class ApiKeyRow(Model):
    """A key's hash and scopes; the key itself is shown once, when it is made."""

    key_id = UnicodeAttribute(hash_key=True)
    secret_hash = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    name = UnicodeAttribute()
    created_at = NumberAttribute()
    last_used_at = NumberAttribute(null=True)


class RateRow(Model):
    """The items of ``email-rate``: the governor's line, the drainer's lease, and what each sender process reports.

    Their ``account`` is ``ses``, ``drainer``, ``breaker`` and ``sender#…``. The governor's attributes are written by
    plain UpdateItem expressions in :mod:`ems.store.rate` and are not declared here. ``released``, ``ahead`` and
    ``parked`` are what one tick of the drainer leaves to the next (:class:`ems.store.drain.Memory`); ``report`` is a
    :class:`ems.store.senders.SenderReport`. The breaker's are those of :class:`ems.store.breakers.AccountBreaker`.
    """

    account = UnicodeAttribute(hash_key=True)
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    released = JSONAttribute(null=True)
    ahead = JSONAttribute(null=True)
    parked = NumberAttribute(null=True)
    report = JSONAttribute(null=True)
    state = UnicodeAttribute(null=True)
    state_reason = UnicodeAttribute(null=True)
    marks = JSONAttribute(null=True)
    campaigns = UnicodeSetAttribute(null=True)
    updated_at = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class NoteRow(Model):
    """Small records by key that are of use for a while.

    - ``failure#<task id>``: how the runs of a task failed (:mod:`ems.store.failed_runs`). ``failures`` holds for each
      ``[at, receive, error]``.
    - ``content#<hash>``: the mails of one content that were let pass (:mod:`ems.store.contents`). ``passed`` holds for
      each ``[email_id, accepted_at]``; ``version`` guards its read-modify-write.
    - ``removed#<address>``: when the address was taken off the suppression list, ``at`` (:mod:`ems.store.removals`).
    - ``ses-list``: when SES's suppression list was last read, ``at``, and ``ses-list#done`` until when.
    - ``erasure#<hash>``: how far the erasure of a person is (:mod:`ems.store.erasures`); ``erasures`` lists those that
      are under way, ``open``, and says when the last began, ``at``.
    - ``key#erased``: the key under which erased addresses are hashed, ``secret`` (:mod:`ems.store.erased`).
    """

    note = UnicodeAttribute(hash_key=True)
    failures = ListAttribute[Any](null=True)
    passed = ListAttribute[Any](null=True)
    version = NumberAttribute(null=True)
    at = NumberAttribute(null=True)
    secret = UnicodeAttribute(null=True)
    erasure = JSONAttribute(null=True)
    open = UnicodeSetAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class StatsRow(Model):
    """Counters of one shard of a scope (``campaign#ID#NN``, ``batch#ID#NN``, ``account##NN``), in total or of a time.

    The counters themselves are attributes by the names of :mod:`ems.tracking.contribution`, which grow in number, and
    are not declared here. ``since`` is when the item was first written.
    """

    shard = UnicodeAttribute(hash_key=True)
    bucket = UnicodeAttribute(range_key=True)
    since = NumberAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class FeedRow(Model):
    """An item of the feed's lane ``lane#NN`` (:mod:`ems.store.feed`).

    ``number`` 0 is its head: ``length`` events have been added, the last ones ``at``. Any other is a page, by the
    number of its last event: ``events`` were added together, ``at`` (:class:`ems.store.feed.FeedEvent`).
    """

    lane = UnicodeAttribute(hash_key=True)
    number = NumberAttribute(range_key=True)
    length = NumberAttribute(null=True)
    at = NumberAttribute(null=True)
    events = JSONAttribute(null=True)
    expires_at = TTLAttribute(null=True)


class WebhookRow(Model):
    """An endpoint of the backend's, what it wants, and how far it was told (:class:`ems.store.endpoints.Endpoint`).

    ``secret`` and, until ``old_secret_until``, ``old_secret`` sign what it is told: they are kept as they are, since
    signing needs them. ``told`` is a position in the feed. ``lease_owner`` is who tells it now.
    """

    endpoint_id = UnicodeAttribute(hash_key=True)
    url = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    event_types = ListAttribute[Any](of=UnicodeAttribute, null=True)
    campaign_ids = ListAttribute[Any](of=UnicodeAttribute, null=True)
    secret = UnicodeAttribute()
    old_secret = UnicodeAttribute(null=True)
    old_secret_until = NumberAttribute(null=True)
    told = ListAttribute[Any](of=NumberAttribute, null=True)
    disabled_at = NumberAttribute(null=True)
    disabled_reason = UnicodeAttribute(null=True)
    failures = NumberAttribute(null=True)
    failing_since = NumberAttribute(null=True)
    last_error = UnicodeAttribute(null=True)
    next_at = NumberAttribute(null=True)
    told_at = NumberAttribute(null=True)
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    created_at = NumberAttribute()
    updated_at = NumberAttribute()
