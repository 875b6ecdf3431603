"""What travels through the queues."""

import json

import pytest
from fakes.sending import LINKS, chunk, single

from ems import messages
from ems.aws.ses import Mail, Template
from ems.links import UnsubscribeLink
from ems.messages import TaskMessage
from ems.sending.payloads import ChunkLabel, ChunkPayload, ChunkRecipient, SinglePayload
from ems.store.chunk_state import ChunkKey


def test_a_single_mail_arrives_as_it_was_sent() -> None:
    mail = single(cc=("c@example.com",), bcc=("b@example.com",), reply_to=("r@example.com",), tags={"a": "b"})
    assert SinglePayload.of(messages.arguments_of(mail.message().body)["mail"]) == mail


def test_a_chunk_arrives_as_it_was_sent() -> None:
    sent = chunk(3, reply_to=("r@example.com",), data={"city": "Köln 🌍"})
    assert ChunkPayload.of(messages.arguments_of(sent.message().body)["chunk"]) == sent


def test_a_worker_of_yesterday_leaves_out_what_it_does_not_know() -> None:
    later = {**messages.arguments_of(single().message().body)["mail"], "priority": 7}
    assert SinglePayload.of(later) == single()
    later = {**messages.arguments_of(chunk().message().body)["chunk"], "locale": "de"}
    assert ChunkPayload.of(later) == chunk()


def test_a_message_body_is_ascii_and_holds_no_address_in_the_clear() -> None:
    body = chunk(2, data={"city": "Köln"}).message().body
    assert body.isascii()
    assert "example.com" not in body


def test_a_chunk_message_carries_its_batch_as_group_and_its_label_as_header() -> None:
    message = chunk(3, number=2).message(delay_seconds=7)
    assert (message.group, message.delay_seconds) == ("b1", 7)
    assert ChunkLabel.of_body(message.body) == ChunkLabel("b1", 2, "welcome", 3)


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "[]",
        "7",
        "{}",
        '{"headers": null}',
        '{"headers": []}',
        '{"headers": {}}',
        '{"headers": {"ems_chunk": "abcd"}}',
        '{"headers": {"ems_chunk": [1, 2, 3]}}',
        '{"headers": {"ems_chunk": ["b", "1", "c", 4]}}',
        TaskMessage(messages.DRAIN, {}, label="drain").body(),
    ],
)
def test_whatever_is_no_chunk_has_no_label(body: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ChunkLabel.of_body(body)


def test_the_wire_form_is_celerys_protocol_two_on_the_tasks_own_queue() -> None:
    envelope = json.loads(single("e7").message().body)
    headers, properties = envelope["headers"], envelope["properties"]
    assert (headers["task"], headers["kwargsrepr"]) == (messages.DELIVER_EMAIL, "e7")
    assert headers["id"] == headers["root_id"] == properties["correlation_id"]
    assert properties["delivery_info"]["routing_key"] == "email-trigger"


def test_a_chunks_mails_merge_shared_data_under_a_recipients_own() -> None:
    payload = chunk(2, data={"name": "you", "city": "Bonn"})
    [mail] = payload.mails([1], LINKS)
    url = LINKS.url("bulk", UnsubscribeLink("b1-000001", "welcome", "person1@example.com"))
    data = {"name": "P1", "city": "Bonn"}
    assert mail == Mail("b1-000001", "person1@example.com", data, unsubscribe_url=url)


def test_a_chunk_names_its_mails_by_their_place_in_the_request() -> None:
    payload = chunk(1, recipients=(ChunkRecipient(731, "ada@example.com", {}),))
    assert payload.email_id(0) == "b1-000731"
    assert payload.key() == ChunkKey("b1", 0, "welcome", "bulk", 1)


def test_what_a_call_has_in_common_comes_from_the_payload() -> None:
    template = Template("welcome", "shop@example.com", "ems-welcome-1", "ems")
    assert single().template("ems") == template
    assert chunk().template("ems") == template
