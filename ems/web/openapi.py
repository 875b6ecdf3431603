"""The OpenAPI 3.1 document, generated from the operations and the models that validate them."""

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ems.notify.messages import EventMessage
from ems.web.answers import Problem
from ems.web.operations import Operation
from ems.web.problems import MEDIA_TYPE

REFERENCE = "#/components/schemas/{model}"
SECURITY = "apiKey"
HTML = "text/html"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

_ABOUT = """\
Sends mails through Amazon SES, never over its rate, and tracks every mail.

- Authentication: `Authorization: Bearer <key>`. Each operation names the scope that its key needs.
- Errors are `application/problem+json` (RFC 9457): `detail` says what to do, `errors` names the fields.
- Every answer carries `X-Request-Id`; send one to find your request in the logs.
- Listings answer `{items, next}`; pass `next` as `cursor` until it is null.
- First steps: POST /campaigns, POST /send-email with its campaign_id, GET /emails/{email_id}.
"""

_TAGS = {
    "sending": "Ask for mails.",
    "emails": "What has become of each mail, and decisions about those in doubt.",
    "batches": "Bulk requests: progress, pause, resume, cancel, doubts, retry.",
    "campaigns": "Templates and who sends them.",
    "statistics": "What became of the mails of a campaign or a batch, counted exactly.",
    "suppressions": "Who gets no mail, and why.",
    "erasures": "Taking a person out of all records.",
    "monitoring": "Rate, health and metrics.",
    "events": "What became of mails as it happens: a feed to read, and endpoints that are told.",
    "webhooks": "What Amazon SNS posts.",
    "unsubscribing": "Where the links of bulk mails lead.",
}

_PATH_EXAMPLES = {
    "email_id": "Id of a mail, from POST /send-email; mails of a batch have <batch_id>-<index of six digits>.",
    "batch_id": "Id of a batch, from POST /send-bulk-email.",
    "campaign_id": "Id of a campaign.",
    "erasure_id": "Id of an erasure, from DELETE /recipients/{address}.",
    "token": "What the link of a bulk mail ends with.",
    "endpoint_id": "Id of an endpoint, from POST /webhook-endpoints.",
    "address": "A mail address, URL-encoded, in any case.",
}

_MEANINGS = {
    400: "The body is no JSON; the detail tells the position.",
    401: "No valid API key.",
    403: "The key lacks the scope, or the post is forged.",
    404: "There is nothing of this id.",
    409: "The request contradicts what is recorded, such as a reused Idempotency-Key.",
    413: "The request is beyond a limit that the detail names.",
    415: "The body is not application/json.",
    422: "A field, parameter or header cannot be accepted; errors names it.",
    500: "An error of the server.",
    503: "A service that EMS needs cannot be reached; nothing of the request will be sent. Try again.",
}

_HEADERS = {
    401: {"WWW-Authenticate": {"description": "The scheme: Bearer.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}}},
}

Schema = dict[str, Any]

_POSTED = {
    "webhook-id": "The event's id, the same whenever it is posted.",
    "webhook-timestamp": "When it is posted, in epoch seconds; refuse what is old.",
    "webhook-signature": "v1, and the signature in base64; two with a space between them while a secret is rotated.",
}
"""Headers of a post to an endpoint (Standard Webhooks)."""


def document(operations: Sequence[Operation]) -> Schema:
    """Describe *operations* as an OpenAPI 3.1 document."""
    schemas = _schemas(operations)
    paths: dict[str, Schema] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    queries = {model.__name__ for one in operations if (model := one.model("query"))}
    return {
        "openapi": "3.1.0",
        "info": {"title": "EMS, the Email Management System", "version": version("ems"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "webhooks": {"event": {"post": _event_post()}},
        "components": {
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
            "securitySchemes": {
                SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key with the scopes send, read or admin.",
                }
            },
        },
    }


def _event_post() -> Schema:
    return {
        "operationId": "event",
        "tags": ["events"],
        "summary": "What EMS posts to the endpoints of POST /webhook-endpoints",
        "description": "One event, signed with the endpoint's secret as Standard Webhooks has it. Answer within 15 "
        "seconds; what is not taken is posted again, with growing pauses, for three days.",
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _POSTED.items()
        ],
        "requestBody": {"required": True, "content": _content("application/json", _reference(EventMessage))},
        "responses": {
            "2XX": {"description": "Taken."},
            "410": {"description": "Nothing more is wanted: the endpoint is disabled."},
            "default": {"description": "Not taken: it is posted again. Redirects are not followed."},
        },
    }


def _schemas(operations: Iterable[Operation]) -> dict[str, Schema]:
    taken = {model for one in operations for name in ("query", "body") if (model := one.model(name))}
    given = {model for one in operations for model in (one.answer, *one.also.values()) if model}
    modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in sorted(taken, key=_name)),
        *((model, "serialization") for model in sorted(given | {Problem}, key=_name)),
    ]
    _, definitions = models_json_schema(modes, ref_template=REFERENCE)
    return dict(definitions["$defs"])


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(one: Operation, schemas: dict[str, Schema]) -> Schema:
    summary, _, description = one.doc.partition("\n")
    described: Schema = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": summary.rstrip("."),
        "description": " ".join(description.split()),
        "parameters": list(_parameters(one, schemas)),
        "responses": {str(status): response for status, response in _responses(one)},
        "security": _security(one),
    }
    if one.scope is not None:
        described["description"] = f"{described['description']} Needs the scope {one.scope}.".strip()
    body = one.model("body")
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(body)}}}
    elif "form" in one.takes:
        form = {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
        described["requestBody"] = {"content": dict.fromkeys(FORMS, form)}
    elif "post" in one.takes:
        described["requestBody"] = {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return described


def _security(one: Operation) -> list[Schema]:
    if one.scope is not None:
        return [{SECURITY: [one.scope]}]
    return [{SECURITY: ["read"]}, {}] if HTTPStatus.UNAUTHORIZED in one.problems else []


def _parameters(one: Operation, schemas: dict[str, Schema]) -> Iterator[Schema]:
    for name in one.path_parameters:
        description = _PATH_EXAMPLES[name]
        yield {"name": name, "in": "path", "required": True, "description": description, "schema": {"type": "string"}}
    query = one.model("query")
    if query is not None:
        for name, schema in schemas[query.__name__]["properties"].items():
            yield _query_parameter(name, schema)
    if "caller" in one.takes:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Same key and same body: the same answer, nothing sent twice. Same key, other body: 409.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[ -~]+$"},
        }


def _query_parameter(name: str, schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key not in {"anyOf", "default", "description", "title"}}
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            kept |= choice
    if schema.get("default") is not None:
        kept["default"] = schema["default"]
    description = schema.get("description") or kept.pop("description", "")
    return {"name": name, "in": "query", "required": False, "description": description, "schema": kept}


def _responses(one: Operation) -> Iterator[tuple[int, Schema]]:
    yield one.success, _success(one)
    for status, model in one.also.items():
        yield status, {"description": _summary(model), "content": _content("application/json", _reference(model))}
    keyed = (401, 403) if one.scope is not None else ()
    for status in sorted({*one.problems, *keyed, *((422,) if one.scope is not None else ()), 500} - one.also.keys()):
        content = _content(MEDIA_TYPE, _reference(Problem))
        if one.media_type == HTML and status in one.problems:
            content |= _content(HTML, {"type": "string"})  # for browsers
        problem = {"description": _MEANINGS[status], "content": content}
        yield status, problem | ({"headers": _HEADERS[status]} if status in _HEADERS else {})


def _success(one: Operation) -> Schema:
    if one.answer is not None:
        return {"description": _summary(one.answer), "content": _content(one.media_type, _reference(one.answer))}
    if one.success == HTTPStatus.NO_CONTENT:
        return {"description": "Done; no body."}
    model = next(iter(one.also.values()), None)
    if model is not None:
        return {"description": _summary(model), "content": _content(one.media_type, _reference(model))}
    return {"description": "Text.", "content": _content(one.media_type, {"type": "string"})}


def _content(media_type: str, schema: Schema) -> Schema:
    return {media_type: {"schema": schema}}


def _reference(model: type[BaseModel]) -> Schema:
    return {"$ref": REFERENCE.format(model=model.__name__)}


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]
