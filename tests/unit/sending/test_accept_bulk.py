"""Accepting a batch."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import CAMPAIGN, ChunkSize, FakeCampaigns, entry

from ems import messages, queues
from ems.errors import ConflictError, InvalidError, NoValidRecipientError, TooLargeError, UnavailableError
from ems.sending.accept import Acceptance
from ems.sending.payloads import ChunkPayload
from ems.sending.requests import BulkRequest, Caller
from ems.store.batches import BatchStore
from ems.store.parking import Parking
from ems.store.tables import Tables

ANYONE = Caller("key-1")
KEYED = Caller("key-1", "spring")
REQUEST = BulkRequest("welcome", [entry(i) for i in range(120)], name="spring")


def waiting(sqs: MemorySqs) -> list[ChunkPayload]:
    return [ChunkPayload.of(messages.arguments_of(body)["chunk"]) for body in sqs.bodies(queues.WAIT)]


def indices(chunks: list[ChunkPayload]) -> list[int]:
    return [recipient.index for chunk in chunks for recipient in chunk.recipients]


def test_an_accepted_batch_waits_with_all_its_chunks_in_the_queue(
    acceptance: Acceptance, sqs: MemorySqs, batches: BatchStore, clock: Clock
) -> None:
    accepted = acceptance.bulk(REQUEST, ANYONE)

    assert (accepted.accepted, accepted.rejected) == (120, [])
    batch = batches.get(accepted.batch_id)
    assert batch is not None
    assert (batch.state, batch.total, batch.chunks, batch.name) == ("waiting", 120, 3, "spring")
    assert batch.created_at == clock()
    assert [(one.chunk, one.batch_id, len(one.recipients)) for one in waiting(sqs)] == [
        (0, accepted.batch_id, 50),
        (1, accepted.batch_id, 50),
        (2, accepted.batch_id, 20),
    ]
    assert indices(waiting(sqs)) == list(range(120))


def test_the_request_is_known_by_its_id_in_the_batch_and_in_every_chunk(
    acceptance: Acceptance, sqs: MemorySqs, batches: BatchStore
) -> None:
    accepted = acceptance.bulk(REQUEST, Caller("key-1", request_id="r-1"))
    batch = batches.get(accepted.batch_id)
    assert batch is not None
    assert batch.request_id == "r-1"
    assert [chunk.request_id for chunk in waiting(sqs)] == ["r-1"] * 3


def test_chunks_are_as_large_as_the_rate_says_and_the_largest_when_it_says_nothing(
    acceptance: Acceptance, sqs: MemorySqs, chunk_size: ChunkSize
) -> None:
    chunk_size.recipients = 20
    acceptance.bulk(REQUEST, ANYONE)
    assert [len(one.recipients) for one in waiting(sqs)] == [20] * 6

    sqs.queues.clear()
    chunk_size.unknown = True
    acceptance.bulk(REQUEST, ANYONE)
    assert [len(one.recipients) for one in waiting(sqs)] == [50, 50, 20]


def test_bad_entries_and_duplicates_are_listed_and_the_rest_is_accepted(acceptance: Acceptance, sqs: MemorySqs) -> None:
    request = replace(REQUEST, recipients=[entry(0), {"to": "nope"}, entry(0), entry(1)])
    accepted = acceptance.bulk(request, ANYONE)

    assert accepted.accepted == 2
    assert [(one.index, one.to) for one in accepted.rejected] == [(1, "nope"), (2, "person0@example.com")]
    assert indices(waiting(sqs)) == [0, 3]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"recipients": []}, InvalidError, "at least one recipient"),
        ({"recipients": [entry(i) for i in range(201)]}, TooLargeError, "201 entries; one request takes 200"),
        ({"recipients": [{"to": "nope"}, 7]}, NoValidRecipientError, "no recipient"),
        ({"send_at": 1_800_000_000 + 31 * 86_400}, InvalidError, "within the next 30 days"),
    ],
)
def test_a_request_that_cannot_be_accepted_leaves_nothing_behind(
    acceptance: Acceptance, sqs: MemorySqs, tables: Tables, changes: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        acceptance.bulk(replace(REQUEST, **changes), ANYONE)
    assert waiting(sqs) == []
    assert list(tables.batches.scan()) == []


def test_none_valid_says_why_for_each(acceptance: Acceptance) -> None:
    with pytest.raises(NoValidRecipientError) as caught:
        acceptance.bulk(replace(REQUEST, recipients=[{"to": "nope"}, {"to": "a@example.com"}]), ANYONE)
    assert [one.index for one in caught.value.rejected] == [0, 1]


def test_the_same_key_and_body_give_the_same_batch_once(acceptance: Acceptance, sqs: MemorySqs) -> None:
    first, second = acceptance.bulk(REQUEST, KEYED), acceptance.bulk(REQUEST, KEYED)
    assert first == second
    assert len(waiting(sqs)) == 3


@pytest.mark.parametrize(
    "changes", [{"recipients": [entry(0)]}, {"name": "autumn"}, {"data": {"x": 1}}, {"send_at": 1_800_000_100.0}]
)
def test_the_same_key_with_another_body_is_a_conflict(acceptance: Acceptance, changes: dict[str, Any]) -> None:
    acceptance.bulk(REQUEST, KEYED)
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        acceptance.bulk(replace(REQUEST, **changes), KEYED)


def test_an_accepted_batch_keeps_its_state_when_the_request_is_repeated(
    acceptance: Acceptance, batches: BatchStore
) -> None:
    batch_id = acceptance.bulk(REQUEST, KEYED).batch_id
    batches.move(batch_id, "paused", allowed=("waiting",))
    acceptance.bulk(REQUEST, KEYED)
    batch = batches.get(batch_id)
    assert batch is not None
    assert batch.state == "paused"


@pytest.mark.parametrize("change", ["deleted", "needs more"])
def test_a_repetition_gets_its_first_answer_whatever_became_of_the_campaign(
    acceptance: Acceptance, campaigns: FakeCampaigns, change: str
) -> None:
    request = replace(REQUEST, recipients=[entry(0), {"to": "nope"}, {"to": "nameless@example.com"}])
    first = acceptance.bulk(request, KEYED)
    assert [one.index for one in first.rejected] == [1, 2]
    if change == "deleted":
        campaigns.campaigns.clear()
    else:
        campaigns.campaigns["welcome"] = replace(CAMPAIGN, template_name="ems-welcome-2", variables=("name", "age"))
    assert acceptance.bulk(request, KEYED) == first


def interrupted(acceptance: Acceptance, sqs: MemorySqs, *, after: int) -> None:
    """Let SQS take *after* chunks and fail."""
    sqs.down, sqs.taken_before_failing = {"send"}, after
    with pytest.raises(UnavailableError):
        acceptance.bulk(REQUEST, KEYED)
    sqs.down.clear()


@pytest.mark.parametrize("after", [0, 2, 3])
def test_an_outage_amid_the_chunks_is_mended_by_the_retry(
    acceptance: Acceptance, sqs: MemorySqs, batches: BatchStore, after: int
) -> None:
    interrupted(acceptance, sqs, after=after)
    accepted = acceptance.bulk(REQUEST, KEYED)

    batch = batches.get(accepted.batch_id)
    assert batch is not None
    assert (batch.state, accepted.accepted) == ("waiting", 120)
    assert {one.chunk for one in waiting(sqs)} == {0, 1, 2}


def test_a_retry_at_another_rate_cuts_the_same_chunks(
    acceptance: Acceptance, sqs: MemorySqs, chunk_size: ChunkSize
) -> None:
    """Else the first attempt's chunk 1 and the second's would be other people, and some would get two mails."""
    interrupted(acceptance, sqs, after=2)
    first = waiting(sqs)
    chunk_size.recipients = 20
    acceptance.bulk(REQUEST, KEYED)

    assert {one.chunk: indices([one]) for one in first}.items() <= {
        one.chunk: indices([one]) for one in waiting(sqs)[len(first) :]
    }.items()


def test_an_abandoned_batch_is_revived_by_the_retry(
    acceptance: Acceptance, sqs: MemorySqs, batches: BatchStore, clock: Clock
) -> None:
    interrupted(acceptance, sqs, after=1)
    [batch_id] = {one.batch_id for one in waiting(sqs)}
    clock.advance(1000)
    assert batches.move(batch_id, "abandoned", allowed=("accepting",))
    sqs.queues.clear()

    acceptance.bulk(REQUEST, KEYED)
    batch = batches.get(batch_id)
    assert batch is not None
    assert (batch.state, batch.updated_at) == ("waiting", clock())
    assert indices(waiting(sqs)) == list(range(120))


def test_an_attempt_that_was_given_up_and_begun_anew_by_another_is_not_accepted(
    acceptance: Acceptance, sqs: MemorySqs, batches: BatchStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drainer may have dropped chunks of the slow attempt, and the other has not enqueued its own yet."""
    send = sqs.send

    def slow(queue: str, outgoing: Any) -> None:
        send(queue, outgoing)
        clock.advance(1000)
        [batch_id] = {one.batch_id for one in waiting(sqs)}
        assert batches.move(batch_id, "abandoned", allowed=("accepting",))
        sqs.queues.clear()
        assert batches.move(batch_id, "accepting", allowed=("abandoned",))

    monkeypatch.setattr(sqs, "send", slow)
    with pytest.raises(UnavailableError, match="Idempotency-Key"):
        acceptance.bulk(REQUEST, KEYED)


def test_two_attempts_at_once_are_both_accepted_when_one_has_finished(
    acceptance: Acceptance, sqs: MemorySqs, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sqs.send
    other: list[str] = []

    def overtaken(queue: str, outgoing: Any) -> None:
        monkeypatch.setattr(sqs, "send", send)
        clock.advance(1)
        other.append(acceptance.bulk(REQUEST, KEYED).batch_id)
        send(queue, outgoing)

    monkeypatch.setattr(sqs, "send", overtaken)
    assert [acceptance.bulk(REQUEST, KEYED).batch_id] == other


def test_a_campaign_changed_after_a_failed_attempt_is_a_conflict(
    acceptance: Acceptance, sqs: MemorySqs, campaigns: FakeCampaigns
) -> None:
    interrupted(acceptance, sqs, after=1)
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, template_name="ems-welcome-2")
    with pytest.raises(ConflictError, match="the campaign changed"):
        acceptance.bulk(REQUEST, KEYED)


def test_when_dynamodb_is_down_nothing_is_enqueued(acceptance: Acceptance, sqs: MemorySqs, tables: Tables) -> None:
    tables.batches.delete_table()
    with pytest.raises(UnavailableError, match="DynamoDB"):
        acceptance.bulk(REQUEST, KEYED)
    assert waiting(sqs) == []


def parked(parking: Parking) -> list[int]:
    return sorted(chunk for lot in parking.waiting().lots for chunk in lot.chunks)


def test_the_first_chunks_of_a_bulk_campaign_go_and_the_rest_is_parked_until_their_outcomes_are_in(
    canary_acceptance: Acceptance, campaigns: FakeCampaigns, sqs: MemorySqs, batches: BatchStore, parking: Parking
) -> None:
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, kind="bulk")
    accepted = canary_acceptance.bulk(REQUEST, ANYONE)
    batch = batches.get(accepted.batch_id)
    assert batch is not None
    assert (batch.state, batch.canary, batch.chunks) == ("waiting", 2, 6)
    assert [one.chunk for one in waiting(sqs)] == [0, 1]
    assert parked(parking) == [2, 3, 4, 5]


@pytest.mark.parametrize(("kind", "recipients"), [("transactional", 120), ("bulk", 30)])
def test_transactional_campaigns_and_small_batches_have_no_canary(
    canary_acceptance: Acceptance,
    campaigns: FakeCampaigns,
    batches: BatchStore,
    parking: Parking,
    kind: str,
    recipients: int,
) -> None:
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, kind=kind)
    accepted = canary_acceptance.bulk(replace(REQUEST, recipients=REQUEST.recipients[:recipients]), ANYONE)
    batch = batches.get(accepted.batch_id)
    assert batch is not None
    assert batch.canary == 0
    assert parked(parking) == []


def test_a_scheduled_bulk_has_its_canary_when_it_is_due(
    canary_acceptance: Acceptance, campaigns: FakeCampaigns, batches: BatchStore, parking: Parking, clock: Clock
) -> None:
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, kind="bulk")
    accepted = canary_acceptance.bulk(replace(REQUEST, send_at=clock() + 60), ANYONE)
    batch = batches.get(accepted.batch_id)
    assert batch is not None
    assert batch.canary == 2
    assert parked(parking) == [0, 1, 2, 3, 4, 5]
