"""The life of a temporary queue: vouched for, renewed, replaced, and swept once its consumer is gone."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from ems.broker.temporary import RENEW_SECONDS, VOUCH_SECONDS, TemporaryQueues
from ems.broker.topics import Topics
from tests.integration.broker.conftest import Account, until

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

EXCHANGE = "tests.pidbox"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def sqs(account: Account, aws_environment: dict[str, str]) -> "SQSClient":
    del aws_environment
    return account.sqs


@pytest.fixture
def sns(aws_environment: dict[str, str]) -> "SNSClient":
    return boto3.session.Session().client("sns", region_name=aws_environment["AWS_REGION"])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(sqs: "SQSClient", sns: "SNSClient", clock: Clock) -> Iterator[Callable[[], TemporaryQueues]]:
    """Make the temporary queues of one more process."""
    made: list[TemporaryQueues] = []

    def make() -> TemporaryQueues:
        made.append(TemporaryQueues(sqs, Topics(sns), now=clock))
        return made[-1]

    yield make
    for queues in made:
        queues.close_all()


def mailbox(process: TemporaryQueues, name: str) -> str:
    process.open(name)
    process.subscribe(name, EXCHANGE)
    return process.url(name)


def exists(sqs: "SQSClient", url: str) -> bool:
    return any(each.endswith(url.rsplit("/", 1)[-1]) for each in sqs.list_queues().get("QueueUrls", []))


def subscribers(sns: "SNSClient") -> set[str]:
    answer = sns.list_subscriptions_by_topic(TopicArn=Topics(sns).arn(EXCHANGE))
    return {subscription["Endpoint"].rsplit(":", 1)[-1] for subscription in answer["Subscriptions"]}


def name_of(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def test_a_new_consumer_clears_away_what_a_dead_one_left(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient", sns: "SNSClient", clock: Clock
) -> None:
    dead = mailbox(process(), "dead@test.tests.pidbox")
    clock.seconds += VOUCH_SECONDS + 1
    fresh = mailbox(process(), "fresh@test.tests.pidbox")
    assert not exists(sqs, dead)
    assert exists(sqs, fresh)
    assert name_of(dead) not in subscribers(sns)
    assert name_of(fresh) in subscribers(sns)


def test_a_consumer_that_vouches_for_its_queue_keeps_it(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient", sns: "SNSClient", clock: Clock
) -> None:
    living = process()
    url = mailbox(living, "living@test.tests.pidbox")
    for _ in range(VOUCH_SECONDS // RENEW_SECONDS + 2):
        clock.seconds += RENEW_SECONDS
        living.renew()
    mailbox(process(), "other@test.tests.pidbox")
    assert exists(sqs, url)
    assert name_of(url) in subscribers(sns)


def test_a_queue_of_another_application_is_never_taken(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient", clock: Clock
) -> None:
    url = sqs.create_queue(QueueName="ems-tmp-without-a-tag")["QueueUrl"]
    clock.seconds += VOUCH_SECONDS * 100
    mailbox(process(), "sweeper@test.tests.pidbox")
    assert exists(sqs, url)
    sqs.delete_queue(QueueUrl=url)


def test_a_polite_end_removes_queue_and_subscription(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient", sns: "SNSClient"
) -> None:
    ending = process()
    url = mailbox(ending, "ending@test.tests.pidbox")
    ending.close_all()
    assert not exists(sqs, url)
    assert name_of(url) not in subscribers(sns)


def test_a_queue_that_somebody_deleted_is_replaced_and_receives_again(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient", sns: "SNSClient"
) -> None:
    consumer = process()
    before = mailbox(consumer, "robbed@test.tests.pidbox")
    sqs.delete_queue(QueueUrl=before)
    consumer.reopen("robbed@test.tests.pidbox")
    after = consumer.url("robbed@test.tests.pidbox")
    assert after != before
    Topics(sns).publish(EXCHANGE, "hello")
    messages = until(lambda: sqs.receive_message(QueueUrl=after, WaitTimeSeconds=1).get("Messages"))
    assert [message["Body"] for message in messages] == ["hello"]


def test_two_that_find_a_queue_gone_put_one_in_its_place(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient"
) -> None:
    consumer = process()
    sqs.delete_queue(QueueUrl=mailbox(consumer, "found-twice@test.tests.pidbox"))
    consumer.reopen("found-twice@test.tests.pidbox")
    after = consumer.url("found-twice@test.tests.pidbox")
    consumer.reopen("found-twice@test.tests.pidbox")
    assert consumer.url("found-twice@test.tests.pidbox") == after


def test_a_lost_queue_is_put_back_and_takes_no_other_with_it(
    process: Callable[[], TemporaryQueues], sqs: "SQSClient", sns: "SNSClient", clock: Clock
) -> None:
    consumer = process()
    lost, kept = mailbox(consumer, "lost@test.tests.pidbox"), mailbox(consumer, "kept@test.tests.pidbox")
    sqs.delete_queue(QueueUrl=lost)
    clock.seconds += VOUCH_SECONDS - 1
    consumer.renew()
    clock.seconds += VOUCH_SECONDS - 1
    mailbox(process(), "sweeping@test.tests.pidbox")
    assert exists(sqs, kept)
    assert exists(sqs, consumer.url("lost@test.tests.pidbox"))
    assert name_of(consumer.url("lost@test.tests.pidbox")) in subscribers(sns)


def test_a_subscription_that_was_taken_for_a_dead_one_comes_back(
    process: Callable[[], TemporaryQueues], sns: "SNSClient"
) -> None:
    consumer = process()
    name = name_of(mailbox(consumer, "taken@test.tests.pidbox"))
    Topics(sns).unsubscribe(EXCHANGE, lambda subscriber: subscriber == name)
    assert name not in subscribers(sns)
    consumer.renew()
    assert name in subscribers(sns)


def test_opening_twice_makes_one_queue(process: Callable[[], TemporaryQueues]) -> None:
    consumer = process()
    url = mailbox(consumer, "twice@test.tests.pidbox")
    assert mailbox(consumer, "twice@test.tests.pidbox") == url
