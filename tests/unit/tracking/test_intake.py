import json
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fakes.ses_events import FIXTURES, load
from fakes.sns import SigningSns

from ems.aws.sns import CannotDecideError, ConfirmationRefusedError, SnsVerifier
from ems.errors import UnavailableError
from ems.tracking.gather import PostedEvent
from ems.tracking.intake import MAX_BODY_BYTES, Intake, unwrap

GREETING = "Successfully validated SNS topic for Amazon SES event publishing."


@dataclass
class World:
    """What the webhook sees of SNS and SQS; set ``fails`` to take SQS and the SNS API away."""

    sns: SigningSns
    certificate_reachable: bool = True
    fails: Exception | None = None
    confirmed: list[tuple[str, str]] = field(default_factory=list)
    published: list[tuple[str, str]] = field(default_factory=list)

    def public_key(self, url: str, *, vouched_for: bool) -> RSAPublicKey:
        if not self.certificate_reachable:
            raise CannotDecideError(f"{url} does not answer ({vouched_for=})")
        return self.sns.key.public_key()

    def confirm(self, topic_arn: str, token: str) -> None:
        if self.fails:
            raise self.fails
        self.confirmed.append((topic_arn, token))

    def publish(self, event: PostedEvent) -> None:
        if self.fails:
            raise self.fails
        self.published.append((event.sns_message_id, event.message))


@pytest.fixture
def world(sns: SigningSns) -> World:
    return World(sns)


@pytest.fixture
def intake(world: World) -> Intake:
    verifier = SnsVerifier(topic_arns=[world.sns.topic_arn], certificates=world)
    return Intake(verifier=verifier, confirm=world.confirm, publish=world.publish)


def test_a_genuine_notification_is_queued_as_ses_wrote_it(world: World, intake: Intake) -> None:
    message = json.dumps(load("delivery")) + "\n"
    result = intake.receive(world.sns.notification(message), {"Content-Type": "text/plain; charset=UTF-8"})
    assert (result.status_code, result.reason) == (200, "queued")
    assert world.published == [(result.sns_message_id, message)]


def test_a_repeated_post_is_queued_again_since_applying_it_is_idempotent(world: World, intake: Intake) -> None:
    body = world.sns.notification()
    assert [intake.receive(body, {}).status_code for _ in range(2)] == [200, 200]
    assert len(world.published) == 2


def test_a_subscription_to_our_topic_is_confirmed_through_the_api(world: World, intake: Intake) -> None:
    assert intake.receive(world.sns.confirmation(), {}).status_code == 200
    assert world.confirmed == [(world.sns.topic_arn, "2336412f37fb687f5d51e6e2425dacbb")]
    assert world.published == []


def test_a_subscription_to_a_strangers_topic_is_not_confirmed(world: World, intake: Intake) -> None:
    body = world.sns.confirmation(TopicArn="arn:aws:sns:us-east-1:999999999999:theirs")
    assert intake.receive(body, {}).status_code == 403
    assert world.confirmed == []


def test_a_forged_subscription_is_not_confirmed(world: World, intake: Intake) -> None:
    body = world.sns.forge(world.sns.confirmation(), Token="attacker")
    assert intake.receive(body, {}).status_code == 403
    assert world.confirmed == []


def test_a_confirmation_that_sns_no_longer_takes_is_not_asked_for_again(world: World, intake: Intake) -> None:
    world.fails = ConfirmationRefusedError("SNS does not confirm this subscription (InvalidParameter)")
    result = intake.receive(world.sns.confirmation(), {})
    assert result.status_code == 200
    assert "InvalidParameter" in result.reason


def test_the_end_of_a_subscription_is_ignored_and_nothing_is_fetched(world: World, intake: Intake) -> None:
    result = intake.receive(world.sns.confirmation("UnsubscribeConfirmation"), {})
    assert result.status_code == 200
    assert "unsubscribed" in result.reason
    assert (world.confirmed, world.published) == ([], [])


def test_the_greeting_of_event_publishing_is_ignored(world: World, intake: Intake) -> None:
    assert intake.receive(world.sns.notification(GREETING), {}).status_code == 200
    assert world.published == []


def test_a_type_that_sns_may_add_is_ignored_for_our_topic_only(world: World, intake: Intake) -> None:
    assert intake.receive(world.sns.notification(Type="Something"), {}).status_code == 200
    stranger = world.sns.notification(Type="Something", TopicArn="arn:aws:sns:us-east-1:999999999999:theirs")
    assert intake.receive(stranger, {}).status_code == 403
    assert world.published == []


def test_a_forged_notification_is_refused_for_good(world: World, intake: Intake) -> None:
    result = intake.receive(world.sns.forge(world.sns.notification(), Message="{}"), {})
    assert result.status_code == 403
    assert world.published == []


@pytest.mark.parametrize("headers", [{}, {"X-Amz-Sns-Rawdelivery": "true"}])
def test_raw_delivery_is_refused_with_the_remedy(intake: Intake, headers: dict[str, str]) -> None:
    result = intake.receive(json.dumps(load("bounce_permanent")).encode(), headers)
    assert result.status_code == 403
    assert "RawMessageDelivery" in result.reason


def test_the_raw_header_refuses_whatever_the_body_is(intake: Intake) -> None:
    assert intake.receive(b"hello", {"x-amz-sns-rawdelivery": "true"}).status_code == 403


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_post_is_refused(world: World, intake: Intake, cut: int) -> None:
    assert intake.receive(world.sns.notification()[:cut], {}).status_code == 400


def test_an_oversized_post_is_refused_unread(intake: Intake) -> None:
    result = intake.receive(b"[" * (MAX_BODY_BYTES + 1), {})
    assert result.status_code == 413
    assert str(MAX_BODY_BYTES) in result.reason


def test_the_largest_message_of_sns_is_taken(world: World, intake: Intake) -> None:
    message = json.dumps({"eventType": "Send", "x": '"' * 131_000})
    assert len(message) <= 256 * 1024
    assert intake.receive(world.sns.notification(message), {}).status_code == 200


def test_an_unreachable_certificate_asks_sns_to_come_again(world: World, intake: Intake) -> None:
    world.certificate_reachable = False
    assert intake.receive(world.sns.notification(), {}).status_code == 503


def test_queues_that_are_down_ask_sns_to_come_again(world: World, intake: Intake) -> None:
    world.fails = UnavailableError("SQS", "down")
    assert intake.receive(world.sns.notification(), {}).status_code == 503
    assert intake.receive(world.sns.confirmation(), {}).status_code == 503


def test_no_reason_shows_an_address(world: World, intake: Intake) -> None:
    message = json.dumps(load("bounce_permanent"))
    for body in (
        world.sns.notification(message),
        world.sns.forge(world.sns.notification(message), MessageId="x"),
        world.sns.notification(message)[:-5],
        message.encode(),
    ):
        assert "@" not in intake.receive(body, {}).reason


def test_an_sqs_message_is_unwrapped_from_its_envelope(sns: SigningSns) -> None:
    message = json.dumps(load("open"))
    assert unwrap(sns.notification(message).decode()) == message


def test_a_raw_sqs_message_is_the_event_itself() -> None:
    message = json.dumps(load("notification_bounce"))
    assert unwrap(message) == message


@pytest.mark.parametrize("body", ["", "hello", "[]", "{}", '{"Type":"Notification"}', "[" * 100_000, GREETING])
def test_an_sqs_message_without_an_event_holds_nothing(body: str) -> None:
    assert unwrap(body) is None


def test_greetings_and_confirmations_on_the_queue_hold_nothing(sns: SigningSns) -> None:
    greeting = (FIXTURES / "notification_greeting.json").read_text()
    assert unwrap(greeting) is None
    assert unwrap(sns.notification(GREETING).decode()) is None
    assert unwrap(sns.notification(greeting).decode()) is None
    assert unwrap(sns.confirmation().decode()) is None
