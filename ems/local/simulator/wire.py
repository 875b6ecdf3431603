"""The SES v2 wire: JSON in, JSON out, errors that every AWS SDK recognises."""

import json
import uuid
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class SesError(Exception):
    """An SES error by its code in the API model, with the HTTP status that the model gives it [botocore sesv2]."""

    def __init__(self, code: str, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def bad_request(message: str) -> SesError:
    """Return SES's answer to input it cannot use."""
    return SesError("BadRequestException", message)


def not_found(message: str) -> SesError:
    """Return SES's answer to a name it does not know."""
    return SesError("NotFoundException", message, status=HTTPStatus.NOT_FOUND)


def already_exists(message: str) -> SesError:
    """Return SES's answer to a name that is taken."""
    return SesError("AlreadyExistsException", message)


def error_response(error: SesError) -> Response:
    """Render an error as REST-JSON does: the code in a header, the words in the body."""
    return JSONResponse({"message": error.message}, error.status, _headers({"x-amzn-ErrorType": error.code}))


def ok(body: dict[str, Any] | None = None) -> Response:
    """Render an answer."""
    return JSONResponse(body or {}, headers=_headers({}))


async def json_body(request: Request) -> dict[str, Any]:
    """Read the request's JSON object; an empty body is an empty object.

    Raises:
        SesError: It is no JSON object.
    """
    raw = await request.body()
    try:
        body = json.loads(raw or b"{}")
    except ValueError as error:
        raise SesError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise SesError("SerializationException", "the body is not a JSON object")
    return body


def member(body: dict[str, Any], name: str, kind: type[Any], *, required: bool = False) -> Any:
    """Return one member of a request, checked for its type; ``None`` when it is absent.

    Raises:
        SesError: It has another type, or is required and absent.
    """
    value = body.get(name)
    if value is None:
        if required:
            raise bad_request(f"{name} must not be null")
        return None
    if not isinstance(value, kind):
        raise SesError("SerializationException", f"{name} must be a {kind.__name__}")
    return value


def page_of(rows: list[dict[str, Any]], *, token: str | None, size: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Cut one page out of *rows*; the second value holds ``NextToken`` when more follow.

    Raises:
        SesError: The token is not one of ours.
    """
    try:
        start = int(token or 0)
    except ValueError as error:
        raise SesError("InvalidNextTokenException", "the specified request includes an invalid NextToken") from error
    end = start + size
    return rows[start:end], {"NextToken": str(end)} if end < len(rows) else {}


def _headers(extra: dict[str, str]) -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4()), **extra}
