"""Messages that a worker had in hand and did not try."""

from dataclasses import replace
from typing import Any, cast

import pytest
from fakes.aws import RecordingSqs

from ems import queues
from ems.broker.envelopes import Received
from ems.broker.shared import Shared

RECEIVED = Received("m-1", "handle-1", "the body", "http://sqs/email-trigger", receives=1)


@pytest.fixture
def sqs() -> RecordingSqs:
    return RecordingSqs()


@pytest.fixture
def shared(sqs: RecordingSqs) -> Shared:
    return Shared(cast("Any", sqs), cast("Any", None))


def test_a_message_that_is_given_back_is_visible_again_at_once(shared: Shared, sqs: RecordingSqs) -> None:
    shared.give_back(RECEIVED)
    assert sqs.calls == [("change_message_visibility", {"handle-1"})]


def test_a_message_that_is_given_back_again_and_again_starts_to_count_anew(shared: Shared, sqs: RecordingSqs) -> None:
    shared.give_back(replace(RECEIVED, receives=queues.RENEWED_FROM))
    # The copy first: what dies between the two leaves one message too many, never one too few.
    assert sqs.calls == [("send_message", {"the body"}), ("delete_message", {"handle-1"})]


def test_a_copy_that_sqs_does_not_take_leaves_the_message_itself(
    shared: Shared, sqs: RecordingSqs, caplog: pytest.LogCaptureFixture
) -> None:
    sqs.down = {"send_message"}
    shared.give_back(replace(RECEIVED, receives=queues.RENEWED_FROM))
    assert sqs.calls == []
    assert "m-1 comes back only after its visibility timeout" in caplog.text
