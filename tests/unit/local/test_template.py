"""deploy/template.yaml and `ems provision` make the same account."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from ems import queues
from ems.local import blueprint
from ems.local.provision import DESTINATION, Provisioner
from ems.settings import Settings
from ems.store.tables import bind

TEMPLATE = Path(__file__).parents[3] / "deploy" / "template.yaml"
ACCOUNT = "123456789012"
REGION = "us-east-1"


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    template: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())
    return template["Resources"]


@pytest.fixture
def provisioned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    settings = Settings(aws_region=REGION)
    with mock_aws():
        for step in Provisioner(settings).run(webhook=False):
            assert step.error is None
            if step.what.startswith("topic"):
                break  # moto has no event destinations of SES v2
        yield settings


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def resolve(value: Any, resources: dict[str, Any]) -> Any:
    """Give the template's references the values that they would have in the mocked account."""
    match value:
        case {"Ref": "AWS::AccountId"}:
            return ACCOUNT
        case {"Ref": "EventsTopic"}:
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{resources['EventsTopic']['Properties']['TopicName']}"
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{resources[name]['Properties']['QueueName']}"
        case dict():
            return {key: resolve(inner, resources) for key, inner in value.items()}
        case list():
            return [resolve(inner, resources) for inner in value]
        case _:
            return value


def test_the_tables_are_the_same(provisioned: Settings, resources: dict[str, Any]) -> None:
    client = boto3.client("dynamodb", region_name=REGION)
    declared = {
        table["TableName"]["Fn::Sub"].removeprefix("${TablePrefix}"): table
        for table in of_type(resources, "AWS::DynamoDB::Table")
    }
    assert declared.keys() == {table.Meta.table_name for table in bind(provisioned).all()}
    for name, table in declared.items():
        made = client.describe_table(TableName=name)["Table"]
        assert table["KeySchema"] == made["KeySchema"]
        assert by_name(table["AttributeDefinitions"]) == by_name(made["AttributeDefinitions"])
        assert indexes(table) == indexes(made)
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        assert table.get("TimeToLiveSpecification", {}).get("AttributeName") == ttl.get("AttributeName")


@pytest.mark.usefixtures("provisioned")
def test_the_queues_are_the_same(resources: dict[str, Any]) -> None:
    client = boto3.client("sqs", region_name=REGION)
    declared = {queue["QueueName"]: queue for queue in of_type(resources, "AWS::SQS::Queue")}
    assert declared.keys() == {*queues.ALL_QUEUES, *map(queues.dead_letter, queues.ALL_QUEUES)}
    for name, queue in declared.items():
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        made = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert queue["MessageRetentionPeriod"] == int(made["MessageRetentionPeriod"])
        assert queue.get("VisibilityTimeout", 30) == int(made["VisibilityTimeout"])
        policy = resolve(queue.get("RedrivePolicy"), resources)
        made_policy = json.loads(made["RedrivePolicy"]) if "RedrivePolicy" in made else None
        assert (policy and {k: str(v) for k, v in policy.items()}) == (
            made_policy and {k: str(v) for k, v in made_policy.items()}
        )


def test_topic_and_policies_are_the_same(provisioned: Settings, resources: dict[str, Any]) -> None:
    topic = resources["EventsTopic"]["Properties"]
    assert (topic["TopicName"], topic["SignatureVersion"]) == (provisioned.sns_topic, "2")
    arn = resolve({"Ref": "EventsTopic"}, resources)
    [topic_policy] = of_type(resources, "AWS::SNS::TopicPolicy")
    assert resolve(topic_policy["PolicyDocument"], resources) == json.loads(blueprint.topic_policy(arn))
    [queue_policy] = of_type(resources, "AWS::SQS::QueuePolicy")
    queue_arn = resolve(queue_policy["PolicyDocument"]["Statement"][0]["Resource"], resources)
    assert queue_arn.endswith(f":{queues.EVENTS}")
    assert resolve(queue_policy["PolicyDocument"], resources) == json.loads(
        blueprint.events_queue_policy(queue_arn, arn)
    )


def test_the_subscription_of_the_queue_is_the_same(provisioned: Settings, resources: dict[str, Any]) -> None:
    Provisioner(provisioned).subscribe_queue()
    client = boto3.client("sns", region_name=REGION)
    [made] = client.list_subscriptions()["Subscriptions"]
    raw = client.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
    declared = resolve(resources["EventsQueueSubscription"]["Properties"], resources)
    assert declared == {
        "TopicArn": made["TopicArn"],
        "Protocol": made["Protocol"],
        "Endpoint": made["Endpoint"],
        "RawMessageDelivery": raw["RawMessageDelivery"] == "true",
    }


def test_the_configuration_set_publishes_the_same_events(resources: dict[str, Any]) -> None:
    [configuration_set] = of_type(resources, "AWS::SES::ConfigurationSet")
    assert configuration_set["Name"] == Settings().configuration_set
    [destination] = of_type(resources, "AWS::SES::ConfigurationSetEventDestination")
    event_destination = destination["EventDestination"]
    assert event_destination["Name"] == DESTINATION
    assert [snake(kind) for kind in event_destination["MatchingEventTypes"]] == list(blueprint.EVENT_TYPES)


def snake(camel: str) -> str:
    """``renderingFailure``, as CloudFormation has it, is ``RENDERING_FAILURE`` in the API."""
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in camel)


def by_name(definitions: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(definitions, key=lambda definition: definition["AttributeName"])


def indexes(table: dict[str, Any]) -> dict[str, Any]:
    return {
        index["IndexName"]: (index["KeySchema"], index["Projection"])
        for index in table.get("GlobalSecondaryIndexes", [])
    }
