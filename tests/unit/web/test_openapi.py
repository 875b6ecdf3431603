"""The document that a client may rely on alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from fakes.sending import LINKS
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from ems.links import UnsubscribeLink
from ems.web.openapi import document
from ems.web.operations import operation

Document = dict[str, Any]

LINK = LINKS.url("bulk", UnsubscribeLink("em-1", "welcome", "ada@example.com"))
IDS = {
    "campaign_id": "welcome",
    "email_id": "em-1",
    "batch_id": "ba-1",
    "address": "ada@example.com",
    "erasure_id": "a1",
    "endpoint_id": "we-1",
    "token": str(LINK).rpartition("/")[2],
}


@pytest.fixture
def spec(client: FlaskClient) -> Document:
    return client.get("/openapi.json").json


def operations(spec: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in spec["paths"].items():
        for method, described in methods.items():
            yield method, path, described


def resolved(spec: Document, schema: Document) -> Document:
    reference = schema.get("$ref")
    return spec["components"]["schemas"][reference.rpartition("/")[2]] if reference else schema


def test_the_document_is_valid_openapi_3_1(spec: Document) -> None:
    assert spec["openapi"].startswith("3.1")
    validate(spec)


def test_it_covers_every_route_of_the_app_but_the_documentation(client: FlaskClient, spec: Document) -> None:
    rules = {
        (method.lower(), rule.rule.replace("path:", "").replace("<", "{").replace(">", "}"))
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/docs", "/openapi"))
    }

    assert {(method, path) for method, path, _ in operations(spec)} == rules


def test_each_operation_has_words_problems_and_its_scope(spec: Document) -> None:
    for _, path, described in operations(spec):
        assert described["summary"], path
        assert "500" in described["responses"], path
        for status, response in described["responses"].items():
            if int(status) >= 400 and path != "/readyz":
                assert response["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
        if described["security"] and described["security"] != [{"apiKey": ["read"]}, {}]:
            (scope,) = described["security"][0]["apiKey"]
            assert f"Needs the scope {scope}." in described["description"]
            assert {"401", "403", "422"} <= described["responses"].keys()


def test_every_example_of_a_body_is_accepted_as_it_stands(client: FlaskClient, spec: Document) -> None:
    client.post("/campaigns", json=resolved(spec, {"$ref": "/CreateCampaign"})["examples"][0])
    client.delete("/campaigns/welcome")
    tried = []
    for method, path, described in operations(spec):
        content = described.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            (example,) = resolved(spec, content["application/json"]["schema"])["examples"]
            answer = client.open(path.format_map(IDS), method=method.upper(), json=example)
            assert str(answer.status_code) in described["responses"]
            assert answer.status_code < 300, (path, answer.text)
            tried.append(path)

    assert sorted(tried) == [
        "/batches/{batch_id}/resolve",
        "/campaigns",
        "/campaigns/{campaign_id}",
        "/campaigns/{campaign_id}/pause",
        "/emails/{email_id}/resolve",
        "/send-bulk-email",
        "/send-email",
        "/suppressions/{address}",
        "/webhook-endpoints",
        "/webhook-endpoints/{endpoint_id}",
    ]


def test_every_answer_has_the_documented_status_and_fields(client: FlaskClient, spec: Document) -> None:
    example = resolved(spec, {"$ref": "/CreateCampaign"})["examples"][0]
    client.post("/campaigns", json=example)
    client.put(f"/suppressions/{IDS['address']}", json={})
    client.delete(f"/recipients/{IDS['address']}")
    for method, path, described in operations(spec):
        if method != "get":
            continue
        answer = client.get(path.format_map(IDS) + ("?message_id=m-1" if path == "/emails" else ""))
        content = described["responses"][str(answer.status_code)]["content"]
        assert answer.status_code == 200, path
        assert answer.mimetype in content
        if answer.mimetype == "application/json":
            schema = resolved(spec, content["application/json"]["schema"])
            assert answer.json.keys() == schema["properties"].keys(), path


def test_bulk_recipients_show_their_real_shape(spec: Document) -> None:
    recipients = spec["components"]["schemas"]["SendBulkEmail"]["properties"]["recipients"]

    assert resolved(spec, recipients["items"])["properties"].keys() == {"to", "data"}


def test_the_header_for_idempotency_is_documented_on_both_sends(spec: Document) -> None:
    for path in ("/send-email", "/send-bulk-email"):
        names = [one["name"] for one in spec["paths"][path]["post"]["parameters"]]
        assert names == ["Idempotency-Key"]


def test_a_handler_that_gives_nothing_is_documented_as_without_a_body() -> None:
    class Thing:
        @operation("DELETE /campaigns/{campaign_id}", scope="admin", tag="campaigns", success=204)
        def forget(self, campaign_id: str) -> None:  # the path's parameter
            """Forget it."""

    described = document([Thing.forget.__operation__])["paths"]["/campaigns/{campaign_id}"]["delete"]

    assert "content" not in described["responses"]["204"]


def test_the_page_needs_nothing_but_this_server(client: FlaskClient) -> None:
    page = client.get("/docs")

    assert "http://" not in page.text
    assert "https://" not in page.text
    for asset in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"):
        assert asset in page.text
        assert client.get(asset).status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
