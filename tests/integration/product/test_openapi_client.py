"""A client that knows nothing but /openapi.json.

It finds the operations there, sends the documented examples, and holds every answer against the documented response.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
import requests
from stage.polling import until
from stage.product import KEY, Product

pytestmark = pytest.mark.processes


@dataclass(frozen=True)
class Client:
    """Calls operations by their ids."""

    url: str
    document: Mapping[str, Any]
    session: requests.Session

    def call(
        self,
        operation_id: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = KEY,
    ) -> tuple[int, Any]:
        """Make a call; return status and JSON, both as documented or the test fails."""
        method, template, operation = self.operation(operation_id)
        url = self.url + template.format(**(path or {})) + (f"?{urlencode(query)}" if query else "")
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        answer = self.session.request(method, url, json=body, headers=headers, timeout=30)
        documented = operation["responses"]
        assert str(answer.status_code) in documented, f"{operation_id} answered {answer.status_code}: {answer.text}"
        content = documented[str(answer.status_code)].get("content", {})
        if not content:
            assert answer.content == b""
            return answer.status_code, None
        media_type = answer.headers["Content-Type"].partition(";")[0]
        assert media_type in content, f"{operation_id} answered {media_type}"
        found = answer.json()
        self.validate(found, content[media_type]["schema"])
        return answer.status_code, found

    def operation(self, operation_id: str) -> tuple[str, str, Mapping[str, Any]]:
        for template, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if operation["operationId"] == operation_id:
                    return method.upper(), template, operation
        raise AssertionError(f"no operation {operation_id}")

    def example(self, operation_id: str) -> Any:
        """Return the documented body of an operation, which must fit its own schema."""
        schema = self.operation(operation_id)[2]["requestBody"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        [example] = self.document["components"]["schemas"][name]["examples"]
        self.validate(example, schema)
        return example

    def validate(self, value: Any, schema: Mapping[str, Any]) -> None:
        whole = {**schema, "components": self.document["components"]}
        jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


@pytest.fixture(scope="session")
def client(product: Product) -> Iterator[Client]:
    with requests.Session() as session:
        document = session.get(f"{product.url}/openapi.json", timeout=30).json()
        assert document["openapi"].startswith("3.1")
        yield Client(product.url, document, session)


@pytest.fixture(scope="session")
def campaign(client: Client) -> Any:
    """The campaign of the documented example, which the other examples send by."""
    status, made = client.call("create_campaign", body=client.example("create_campaign"))
    if status == 409:  # made by an earlier round on the same account
        return client.call("get_campaign", path={"campaign_id": client.example("create_campaign")["campaign_id"]})[1]
    assert status == 201
    return made


def test_the_documented_single_mail_is_sent(client: Client, campaign: Any) -> None:
    body = client.example("send_email")
    assert body["campaign_id"] == campaign["campaign_id"]
    status, accepted = client.call("send_email", body=body)
    assert status == 202
    path = {"email_id": accepted["email_id"]}
    until(lambda: client.call("get_email", path=path)[1]["status"] == "sent")
    page = client.call("list_emails", query={"recipient": body["to"]})[1]
    assert accepted["email_id"] in [mail["email_id"] for mail in page["items"]]


@pytest.mark.usefixtures("campaign")
def test_the_documented_batch_is_sent_and_can_be_steered(client: Client) -> None:
    status, accepted = client.call("send_bulk_email", body=client.example("send_bulk_email"))
    assert (status, accepted["accepted"], accepted["rejected"]) == (202, 2, [])
    path = {"batch_id": accepted["batch_id"]}
    for operation_id in ("pause_batch", "resume_batch"):
        assert client.call(operation_id, path=path)[0] in {200, 409}  # 409: it is done already
    until(lambda: client.call("get_batch", path=path)[1]["status"] == "done")
    assert client.call("cancel_batch", path=path)[0] == 409


def test_the_campaign_can_be_read_listed_changed_and_deleted(client: Client, campaign: Any) -> None:
    del campaign
    made = client.call("create_campaign", body={**client.example("create_campaign"), "campaign_id": None})[1]
    path = {"campaign_id": made["campaign_id"]}
    assert client.call("get_campaign", path=path) == (200, made)
    status, changed = client.call("update_campaign", path=path, body=client.example("update_campaign"))
    assert (status, changed["campaign_id"]) == (200, made["campaign_id"])
    seen, cursor = [], None
    while True:
        page = client.call("list_campaigns", query={"limit": 1} | ({"cursor": cursor} if cursor else {}))[1]
        seen += [one["campaign_id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert made["campaign_id"] in seen
    assert client.call("delete_campaign", path=path)[0] == 204
    assert client.call("get_campaign", path=path)[0] == 404


def test_rate_and_health_answer_as_documented(client: Client) -> None:
    status, rate = client.call("get_rate")
    assert (status, rate["account_limit"]) == (200, 100)
    assert client.call("get_health", key=None)[0] == 200
    assert client.call("get_readiness", key=None)[0] == 200


def test_an_address_is_suppressed_listed_and_taken_off(client: Client) -> None:
    path = {"address": "suppressed-by-hand@example.com"}
    status, entry = client.call("put_suppression", path=path, body=client.example("put_suppression"))
    assert (status, entry["reason"], entry["scope"]) == (200, "manual", "all")
    assert client.call("get_suppression", path=path) == (200, entry)
    query = {"reason": "manual", "scope": "all", "limit": 200}
    assert entry in client.call("list_suppressions", query=query)[1]["items"]
    assert client.call("delete_suppression", path=path)[0] == 204
    assert client.call("get_suppression", path=path)[0] == 404


NOTHING = {
    "batch_id": "no-such",
    "campaign_id": "no-such",
    "email_id": "no-such",
    "address": "no-such@example.com",
    "erasure_id": "no-such",
    "endpoint_id": "no-such",
    "token": "no-such",
}


def test_every_operation_with_an_id_answers_404_for_one_that_nothing_has(client: Client) -> None:
    for template, methods in client.document["paths"].items():
        for operation in methods.values():
            if "404" not in operation["responses"] or "{" not in template:  # a PUT may make what it names
                continue
            operation_id = operation["operationId"]
            takes_json = "application/json" in operation.get("requestBody", {}).get("content", {})
            body = client.example(operation_id) if takes_json else None
            status, problem = client.call(operation_id, path=NOTHING, body=body)
            assert (status, problem["status"]) == (404, 404), operation_id


def test_every_operation_with_a_key_answers_401_without_one(client: Client) -> None:
    for methods in client.document["paths"].values():
        for operation in methods.values():
            if operation["security"] and {} not in operation["security"]:
                assert client.call(operation["operationId"], path=NOTHING, key=None)[0] == 401
                assert client.call(operation["operationId"], path=NOTHING, key="wrong")[0] == 401


@pytest.mark.usefixtures("campaign")
@pytest.mark.parametrize("operation_id", ["send_email", "send_bulk_email", "create_campaign", "update_campaign"])
def test_bodies_that_break_the_documented_schema_are_answered_as_documented(client: Client, operation_id: str) -> None:
    example = client.example(operation_id)
    broken = [None, [], 7, "text", {**example, "unknown": 1}]
    broken += [{name: value for name, value in example.items() if name != left_out} for left_out in example]
    broken += [{**example, name: value} for name in example for value in (None, 7, [], {}, "\r\nBcc: x@example.com")]
    for body in broken:
        status, answer = client.call(operation_id, path=NOTHING, body=body)
        assert status in {201, 202, 400, 404, 409, 422}, json.dumps(body)
        if status == 422:
            assert answer["errors"], json.dumps(body)
