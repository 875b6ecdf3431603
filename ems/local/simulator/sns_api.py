"""The SNS operations, as boto3 and kombu's fanout speak them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from ems.local.simulator import query
from ems.local.simulator.delivery import Delivery
from ems.local.simulator.envelopes import Publication
from ems.local.simulator.options import ACCOUNT_ID
from ems.local.simulator.topics import SnsError, Subscription, Topics, invalid

PAGE = 100
MAX_BATCH = 10
MAX_MESSAGE_BYTES = 262_144
Parameters = dict[str, Any]


class SnsApi:
    """The handlers, one for each action; each takes the form's parameters and returns the ``...Result``."""

    def __init__(self, topics: Topics, delivery: Delivery) -> None:
        self._topics = topics
        self._delivery = delivery
        self._actions: dict[str, Callable[[Parameters], dict[str, Any] | None]] = {
            "Publish": self.publish,
            "PublishBatch": self.publish_batch,
            "CreateTopic": self.create_topic,
            "DeleteTopic": self.delete_topic,
            "ListTopics": self.list_topics,
            "GetTopicAttributes": self.get_topic_attributes,
            "SetTopicAttributes": self.set_topic_attributes,
            "TagResource": self.tag_resource,
            "Subscribe": self.subscribe,
            "ConfirmSubscription": self.confirm_subscription,
            "Unsubscribe": self.unsubscribe,
            "ListSubscriptions": self.list_subscriptions,
            "ListSubscriptionsByTopic": self.list_subscriptions_by_topic,
            "GetSubscriptionAttributes": self.get_subscription_attributes,
            "SetSubscriptionAttributes": self.set_subscription_attributes,
        }

    async def post(self, request: Request) -> Response:
        """Serve an SDK's call."""
        body = (await request.body()).decode()
        return self._answer(dict(parse_qsl(body, keep_blank_values=True)))

    def visit(self, request: Request) -> Response:
        """Serve the SubscribeURL or UnsubscribeURL of a message; links can do nothing else."""
        parameters = dict(request.query_params)
        if parameters.get("Action") not in ("ConfirmSubscription", "Unsubscribe"):
            return query.error(SnsError("InvalidAction", "links confirm or end a subscription", status=400))
        return self._answer(parameters, by_link=True)

    def _answer(self, form: dict[str, str], *, by_link: bool = False) -> Response:
        name = form.get("Action", "")
        action = self._actions.get(name)
        if action is None:
            return query.error(SnsError("InvalidAction", f"the simulator does not know the action {name!r}"))
        try:
            parameters = query.nested(form)
            if by_link and name == "Unsubscribe":
                self._confirm_end(parameters)
            return query.answer(name, action(parameters))
        except SnsError as problem:
            return query.error(problem)
        except KeyError as missing:
            return query.error(invalid(f"{missing.args[0]} must be set"))

    def _confirm_end(self, parameters: Parameters) -> None:
        """Tell a subscriber that somebody who has its link ended the subscription, so that it can undo that."""
        subscription = self._topics.subscription(parameters["SubscriptionArn"])
        topic = self._topics.get(subscription.topic_arn)
        self._delivery.confirm("UnsubscribeConfirmation", topic, subscription)

    def publish(self, parameters: Parameters) -> dict[str, Any]:
        """Publish."""
        return {"MessageId": self._publish(parameters.get("TopicArn") or parameters["TargetArn"], parameters)}

    def publish_batch(self, parameters: Parameters) -> dict[str, Any]:
        """PublishBatch."""
        entries = query.numbered(parameters, "PublishBatchRequestEntries", wrapper="member")
        if not 1 <= len(entries) <= MAX_BATCH:
            raise SnsError("TooManyEntriesInBatchRequest", f"a batch has 1 to {MAX_BATCH} entries")
        topic_arn = parameters["TopicArn"]
        self._topics.get(topic_arn)
        done = [{"Id": entry["Id"], "MessageId": self._publish(topic_arn, entry)} for entry in entries]
        return {"Successful": {"member": done}, "Failed": {}}

    def _publish(self, topic_arn: str, parameters: Parameters) -> str:
        topic = self._topics.get(topic_arn)
        message = parameters["Message"]
        if not message or len(message.encode()) > MAX_MESSAGE_BYTES:
            raise invalid(f"Message must have 1 to {MAX_MESSAGE_BYTES} bytes")
        publication = Publication(message, parameters.get("Subject"), query.message_attributes(parameters))
        self._delivery.publish(topic, publication)
        return publication.message_id

    def create_topic(self, parameters: Parameters) -> dict[str, Any]:
        """CreateTopic: the same name is the same topic."""
        topic = self._topics.create(
            parameters["Name"], attributes=query.string_map(parameters, "Attributes"), tags=_tags(parameters)
        )
        return {"TopicArn": topic.arn}

    def delete_topic(self, parameters: Parameters) -> None:
        """DeleteTopic."""
        self._topics.delete(parameters["TopicArn"])

    def list_topics(self, parameters: Parameters) -> dict[str, Any]:
        """ListTopics."""
        rows = [{"TopicArn": topic.arn} for topic in self._topics.all()]
        return _page("Topics", rows, parameters)

    def get_topic_attributes(self, parameters: Parameters) -> dict[str, Any]:
        """GetTopicAttributes."""
        topic = self._topics.get(parameters["TopicArn"])
        confirmed = sum(each.confirmed for each in topic.subscriptions)
        counts = {
            "TopicArn": topic.arn,
            "Owner": ACCOUNT_ID,
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(len(topic.subscriptions) - confirmed),
        }
        return query.attributes_xml({**topic.attributes, **counts})

    def set_topic_attributes(self, parameters: Parameters) -> None:
        """SetTopicAttributes."""
        topic = self._topics.get(parameters["TopicArn"])
        topic.set_attribute(parameters["AttributeName"], parameters.get("AttributeValue", ""))

    def tag_resource(self, parameters: Parameters) -> dict[str, Any]:
        """TagResource."""
        self._topics.get(parameters["ResourceArn"]).tags.update(_tags(parameters))
        return {}

    def subscribe(self, parameters: Parameters) -> dict[str, Any]:
        """Subscribe: an HTTP endpoint is posted the confirmation, again each time while it is pending."""
        subscription = self._topics.subscribe(
            parameters["TopicArn"],
            protocol=parameters["Protocol"],
            endpoint=parameters["Endpoint"],
            attributes=query.string_map(parameters, "Attributes"),
        )
        if not subscription.confirmed:
            topic = self._topics.get(subscription.topic_arn)
            self._delivery.confirm("SubscriptionConfirmation", topic, subscription)
        shown = subscription.confirmed or parameters.get("ReturnSubscriptionArn") == "true"
        return {"SubscriptionArn": subscription.arn if shown else "pending confirmation"}

    def confirm_subscription(self, parameters: Parameters) -> dict[str, Any]:
        """ConfirmSubscription."""
        return {"SubscriptionArn": self._topics.confirm(parameters["TopicArn"], parameters["Token"]).arn}

    def unsubscribe(self, parameters: Parameters) -> None:
        """Unsubscribe."""
        self._topics.unsubscribe(parameters["SubscriptionArn"])

    def list_subscriptions(self, parameters: Parameters) -> dict[str, Any]:
        """ListSubscriptions."""
        return _page("Subscriptions", [_listed(each) for each in self._topics.subscriptions()], parameters)

    def list_subscriptions_by_topic(self, parameters: Parameters) -> dict[str, Any]:
        """ListSubscriptionsByTopic."""
        topic = self._topics.get(parameters["TopicArn"])
        return _page("Subscriptions", [_listed(each) for each in topic.subscriptions], parameters)

    def get_subscription_attributes(self, parameters: Parameters) -> dict[str, Any]:
        """GetSubscriptionAttributes."""
        subscription = self._topics.subscription(parameters["SubscriptionArn"])
        described = {
            **_listed(subscription),
            "SubscriptionArn": subscription.arn,
            "RawMessageDelivery": str(subscription.raw).lower(),
            "PendingConfirmation": str(not subscription.confirmed).lower(),
            "ConfirmationWasAuthenticated": "true",
        }
        return query.attributes_xml({**subscription.attributes, **described})

    def set_subscription_attributes(self, parameters: Parameters) -> None:
        """SetSubscriptionAttributes."""
        subscription = self._topics.subscription(parameters["SubscriptionArn"])
        subscription.set_attribute(parameters["AttributeName"], parameters.get("AttributeValue", ""))


def _tags(parameters: Parameters) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in query.numbered(parameters, "Tags", wrapper="member")}


def _listed(subscription: Subscription) -> dict[str, str]:
    return {
        "SubscriptionArn": subscription.shown_arn,
        "Owner": ACCOUNT_ID,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic_arn,
    }


def _page(name: str, rows: list[dict[str, str]], parameters: Parameters) -> dict[str, Any]:
    token = parameters.get("NextToken") or "0"
    if not token.isdecimal():
        raise invalid("NextToken")
    end = int(token) + PAGE
    following = {"NextToken": str(end)} if end < len(rows) else {}
    return {name: {"member": rows[int(token) : end]}, **following}
