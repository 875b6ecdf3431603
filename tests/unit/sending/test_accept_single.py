"""Accepting one mail."""

from dataclasses import replace
from typing import Any

import pytest
from fakes.clock import Clock
from fakes.queues import MemorySqs
from fakes.sending import CAMPAIGN, FakeCampaigns

from ems import messages, queues
from ems.errors import ConflictError, InvalidError, UnavailableError, UnknownIdError
from ems.sending.accept import Acceptance
from ems.sending.payloads import CHUNK_BYTES, SinglePayload
from ems.sending.requests import Caller, SingleRequest
from ems.store.singles import Singles
from ems.store.status import Status
from ems.store.tables import Tables

REQUEST = SingleRequest("welcome", "Ada@Example.com", data={"name": "Ada"})
ANYONE = Caller("key-1")
KEYED = Caller("key-1", "order-7")


def waiting(sqs: MemorySqs) -> list[SinglePayload]:
    return [SinglePayload.of(messages.arguments_of(body)["mail"]) for body in sqs.bodies(queues.TRIGGER)]


def test_an_accepted_mail_has_a_row_and_a_message(acceptance: Acceptance, sqs: MemorySqs, tables: Tables) -> None:
    accepted = acceptance.single(REQUEST, ANYONE)

    assert accepted.status == "queued"
    row = tables.emails.get(accepted.email_id)
    assert (row.send_status, row.recipient, row.campaign_id) == ("queued", "ada@example.com", "welcome")
    [mail] = waiting(sqs)
    assert (mail.email_id, mail.to, mail.template_name) == (accepted.email_id, "Ada@example.com", "ems-welcome-1")


def test_the_request_is_known_by_its_id_in_the_row_and_in_the_message(
    acceptance: Acceptance, sqs: MemorySqs, tables: Tables
) -> None:
    accepted = acceptance.single(REQUEST, Caller("key-1", request_id="r-1"))
    assert tables.emails.get(accepted.email_id).request_id == "r-1"
    assert [mail.request_id for mail in waiting(sqs)] == ["r-1"]


def test_reply_to_is_the_campaigns_unless_the_mail_has_its_own(acceptance: Acceptance, sqs: MemorySqs) -> None:
    acceptance.single(REQUEST, ANYONE)
    acceptance.single(replace(REQUEST, reply_to=("me@example.com",)), ANYONE)
    assert [mail.reply_to for mail in waiting(sqs)] == [("help@example.com",), ("me@example.com",)]


def test_without_a_key_each_call_is_new(acceptance: Acceptance, sqs: MemorySqs) -> None:
    first, second = acceptance.single(REQUEST, ANYONE), acceptance.single(REQUEST, ANYONE)
    assert first.email_id != second.email_id
    assert len(waiting(sqs)) == 2


def test_an_unknown_campaign_is_said_to_be_unknown(acceptance: Acceptance, campaigns: FakeCampaigns) -> None:
    def unknown(campaign_id: str) -> Any:
        raise UnknownIdError("campaign", campaign_id)

    campaigns.get = unknown  # type: ignore[method-assign]
    with pytest.raises(UnknownIdError):
        acceptance.single(REQUEST, ANYONE)


def many(number: int) -> tuple[str, ...]:
    return tuple(f"copy{i}@example.com" for i in range(number))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"to": "nope"}, "to", "@-sign"),
        ({"to": "äda@example.com"}, "to", "ASCII"),
        ({"to": "a@example.com\nBcc: eve@example.com"}, "to", "line breaks"),
        ({"cc": ("b@example.com", "nope")}, "cc[1]", "@-sign"),
        ({"bcc": ("nope",)}, "bcc[0]", "@-sign"),
        ({"reply_to": ("nope",)}, "reply_to[0]", "@-sign"),
        ({"cc": many(50)}, "cc", "50 recipients"),
        ({"cc": many(25), "bcc": tuple(f"b{i}@example.com" for i in range(25))}, "cc", "50 recipients"),
        ({"data": {}}, "data", "'name'"),
        ({"data": {"name": "A\r\nBcc: eve@example.com"}}, "data", "subject"),
        ({"data": {"name": "A", "x": "y" * CHUNK_BYTES}}, "data", "bytes of JSON"),
        ({"tags": {f"t{i}": "v" for i in range(21)}}, "tags", "20 tags"),
        ({"tags": {"a b": "v"}}, "tags.a b", "A-Z"),
        ({"tags": {"a": "ü"}}, "tags.a", "A-Z"),
        ({"tags": {"a": ""}}, "tags.a", "A-Z"),
        ({"tags": {"ems_email_id": "x"}}, "tags.ems_email_id", "ems_"),
    ],
)
def test_a_bad_field_is_named_with_a_remedy_and_nothing_is_kept(
    acceptance: Acceptance, sqs: MemorySqs, tables: Tables, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidError, match=words) as caught:
        acceptance.single(replace(REQUEST, **changes), ANYONE)
    assert caught.value.field == field
    assert waiting(sqs) == []
    assert list(tables.emails.scan()) == []


def test_fifty_recipients_are_taken_and_repeated_copies_count_once(acceptance: Acceptance, sqs: MemorySqs) -> None:
    acceptance.single(replace(REQUEST, cc=many(49), bcc=("ADA@example.com", "Copy0@example.com")), ANYONE)
    [mail] = waiting(sqs)
    assert (len(mail.cc), mail.bcc) == (49, ())


def test_the_same_key_and_body_give_the_same_mail_once(acceptance: Acceptance, sqs: MemorySqs) -> None:
    first, second = acceptance.single(REQUEST, KEYED), acceptance.single(REQUEST, KEYED)
    assert first == second
    assert len(waiting(sqs)) == 1


def test_a_repetition_tells_what_has_become_of_the_mail(acceptance: Acceptance, singles: Singles) -> None:
    email_id = acceptance.single(REQUEST, KEYED).email_id
    singles.claim(email_id, owner="a", lease_seconds=9)
    singles.settle(email_id, Status.SENT, owner="a", message_id="m1")
    assert acceptance.single(REQUEST, KEYED).status == "sent"


def test_the_same_key_of_another_caller_is_another_mail(acceptance: Acceptance) -> None:
    assert acceptance.single(REQUEST, KEYED) != acceptance.single(REQUEST, Caller("key-2", "order-7"))


def test_the_same_key_with_another_body_is_a_conflict(acceptance: Acceptance, sqs: MemorySqs) -> None:
    acceptance.single(REQUEST, KEYED)
    with pytest.raises(ConflictError, match="Idempotency-Key"):
        acceptance.single(replace(REQUEST, data={"name": "Eve"}), KEYED)
    assert len(waiting(sqs)) == 1


def test_a_template_changed_since_does_not_make_it_another_request(
    acceptance: Acceptance, campaigns: FakeCampaigns, sqs: MemorySqs
) -> None:
    first = acceptance.single(REQUEST, KEYED)
    campaigns.campaigns["welcome"] = replace(CAMPAIGN, template_name="ems-welcome-2")
    assert acceptance.single(REQUEST, KEYED) == first
    assert [mail.template_name for mail in waiting(sqs)] == ["ems-welcome-1"]


def test_a_repetition_gets_its_first_answer_although_the_campaign_is_gone(
    acceptance: Acceptance, campaigns: FakeCampaigns
) -> None:
    first = acceptance.single(REQUEST, KEYED)
    campaigns.campaigns.clear()
    assert acceptance.single(REQUEST, KEYED) == first


def test_a_number_beyond_json_is_refused(acceptance: Acceptance, sqs: MemorySqs) -> None:
    with pytest.raises(InvalidError, match="number beyond"):
        acceptance.single(replace(REQUEST, data={"name": "Ada", "sums": [1.5, float("inf")]}), ANYONE)
    assert waiting(sqs) == []


def test_when_sqs_is_down_the_mail_is_withdrawn(acceptance: Acceptance, sqs: MemorySqs, tables: Tables) -> None:
    sqs.down = {"send"}
    with pytest.raises(UnavailableError):
        acceptance.single(REQUEST, ANYONE)
    assert list(tables.emails.scan()) == []


def test_after_an_outage_the_same_key_is_accepted(acceptance: Acceptance, sqs: MemorySqs) -> None:
    sqs.down = {"send"}
    with pytest.raises(UnavailableError):
        acceptance.single(REQUEST, KEYED)
    sqs.down.clear()
    assert acceptance.single(REQUEST, KEYED).status == "queued"
    assert len(waiting(sqs)) == 1


def test_a_mail_that_a_sender_took_although_sqs_answered_nothing_is_accepted(
    acceptance: Acceptance, sqs: MemorySqs, singles: Singles, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def lost_answer(queue: str, outgoing: Any) -> None:
        del queue
        [mail] = [SinglePayload.of(messages.arguments_of(one.body)["mail"]) for one in outgoing]
        assert singles.claim(mail.email_id, owner="a", lease_seconds=9).granted
        taken.append(mail.email_id)
        raise UnavailableError("SQS", "the answer was lost")

    monkeypatch.setattr(sqs, "send", lost_answer)
    assert [acceptance.single(REQUEST, ANYONE).email_id] == taken


def test_two_requests_with_one_key_cannot_withdraw_each_others_mail(
    acceptance: Acceptance, sqs: MemorySqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sqs.send
    second: list[str] = []

    def fails_after_the_second_was_accepted(queue: str, outgoing: Any) -> None:
        monkeypatch.setattr(sqs, "send", send)
        del queue, outgoing
        second.append(acceptance.single(REQUEST, KEYED).email_id)
        raise UnavailableError("SQS", "down for the first request only")

    monkeypatch.setattr(sqs, "send", fails_after_the_second_was_accepted)
    assert acceptance.single(REQUEST, KEYED).email_id == second[0]
    assert [mail.email_id for mail in waiting(sqs)] == second


def test_a_mail_withdrawn_under_a_second_request_is_not_accepted_by_it(
    acceptance: Acceptance, sqs: MemorySqs, singles: Singles, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sqs.send

    def withdrawn_meanwhile(queue: str, outgoing: Any) -> None:
        send(queue, outgoing)
        [mail] = waiting(sqs)
        assert singles.withdraw(mail.email_id)

    monkeypatch.setattr(sqs, "send", withdrawn_meanwhile)
    with pytest.raises(UnavailableError):
        acceptance.single(REQUEST, KEYED)


def test_when_dynamodb_is_down_nothing_is_enqueued(acceptance: Acceptance, sqs: MemorySqs, tables: Tables) -> None:
    tables.emails.delete_table()
    with pytest.raises(UnavailableError, match="DynamoDB"):
        acceptance.single(REQUEST, KEYED)
    assert waiting(sqs) == []


def test_a_crash_between_row_and_queue_is_mended_by_the_retry(
    acceptance: Acceptance, sqs: MemorySqs, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    with monkeypatch.context() as crashing:
        crashing.setattr(sqs, "send", crash)
        with pytest.raises(SystemExit):
            acceptance.single(REQUEST, KEYED)
    clock.advance(5)
    assert acceptance.single(REQUEST, KEYED).status == "queued"
    acceptance.single(REQUEST, KEYED)
    assert len(waiting(sqs)) == 1


def crash(*_: Any) -> None:
    raise SystemExit
