"""The AWS query protocol: nested members in a form, XML out."""

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import Response

from ems.local.simulator.topics import SnsError

NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"


def nested(form: Mapping[str, str]) -> dict[str, Any]:
    """Turn ``Tags.member.1.Key=k`` into ``{"Tags": {"member": {"1": {"Key": "k"}}}}``."""
    tree: dict[str, Any] = {}
    for path, value in form.items():
        *parents, leaf = path.split(".")
        node = tree
        for parent in parents:
            below = node.setdefault(parent, {})
            if not isinstance(below, dict):
                raise SnsError("MalformedQueryString", f"{path} contradicts another parameter")
            node = below
        node[leaf] = value
    return tree


def numbered(tree: Mapping[str, Any], name: str, *, wrapper: str) -> list[dict[str, Any]]:
    """Return the elements of ``name.wrapper.N`` in order."""
    elements = (tree.get(name) or {}).get(wrapper) or {}
    return [elements[number] for number in sorted(elements, key=int)]


def string_map(tree: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return ``name.entry.N.key|value`` as a dictionary."""
    return {entry["key"]: entry.get("value", "") for entry in numbered(tree, name, wrapper="entry")}


def message_attributes(tree: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return ``MessageAttributes.entry.N.Name|Value`` as the API has them."""
    return {entry["Name"]: entry["Value"] for entry in numbered(tree, "MessageAttributes", wrapper="entry")}


def answer(action: str, result: Mapping[str, Any] | None = None) -> Response:
    """Render an answer; ``None`` is an operation that returns nothing but its request id."""
    inner = "" if result is None else f"<{action}Result>{_xml(result)}</{action}Result>"
    return _response(
        f'<{action}Response xmlns="{NAMESPACE}">{inner}'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{action}Response>",
        HTTPStatus.OK,
    )


def error(problem: SnsError) -> Response:
    """Render an error."""
    return _response(
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{escape(problem.code)}</Code>'
        f"<Message>{escape(problem.message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>",
        problem.status,
    )


def attributes_xml(values: Mapping[str, str]) -> dict[str, Any]:
    """Shape a map of attributes as the protocol writes it."""
    return {"Attributes": {"entry": [{"key": key, "value": value} for key, value in values.items()]}}


def _xml(node: Any) -> str:
    if isinstance(node, Mapping):
        return "".join(_element(name, value) for name, value in node.items())
    return escape(str(node))


def _element(name: str, value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(f"<{name}>{_xml(each)}</{name}>" for each in value)
    return f"<{name}>{_xml(value)}</{name}>"


def _response(document: str, status: int) -> Response:
    return Response(document, status, media_type="text/xml")
