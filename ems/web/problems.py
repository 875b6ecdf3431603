"""Errors as RFC 9457 problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from ems import errors
from ems.web.answers import FieldProblem, Problem, Rejected

MEDIA_TYPE = "application/problem+json"

_KINDS = {
    400: "malformed-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid-request",
    500: "internal",
    503: "unavailable",
}

_STATUS: dict[type[errors.EmsError], int] = {
    errors.UnknownIdError: 404,
    errors.ConflictError: 409,
    errors.TooLargeError: 413,
}

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class ProblemError(Exception):
    """An error that the edge itself finds."""

    status: int
    detail: str
    errors: Sequence[FieldProblem] = ()
    rejected: Sequence[Rejected] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def install(app: Flask, *, max_body_bytes: int) -> None:
    """Make every error of *app* a problem."""

    def from_ems(error: errors.EmsError) -> Response:
        problem = _translated(error)
        return unexpected(error) if problem is None else answer(problem)

    def from_werkzeug(error: HTTPException) -> Response:
        return answer(_from_http(error, max_body_bytes))

    def unexpected(error: Exception) -> Response:
        _log.error("request_failed", exc_info=error)
        return answer(ProblemError(500, "an error of the server, logged under this request's id; try again later"))

    app.register_error_handler(ProblemError, answer)
    app.register_error_handler(errors.EmsError, from_ems)
    app.register_error_handler(HTTPException, from_werkzeug)
    app.register_error_handler(Exception, unexpected)


def answer(problem: ProblemError) -> Response:
    """Write a problem as a response."""
    kind = _KINDS.get(problem.status)
    body = Problem(
        type=f"urn:ems:problem:{kind}" if kind else "about:blank",
        title=HTTPStatus(problem.status).phrase,
        status=problem.status,
        detail=problem.detail,
        instance=f"urn:ems:request:{g.get('request_id', '')}",
        errors=list(problem.errors) or None,
        rejected=list(problem.rejected) or None,
    )
    text = body.model_dump_json(exclude_none=True)
    return Response(text, problem.status, dict(problem.headers), mimetype=MEDIA_TYPE)


def from_validation(error: ValidationError, *, where: str) -> ProblemError:
    """Translate pydantic's findings on the body or the query.

    Malformed JSON is 400 with its position; everything else is 422 with the fields' names.
    """
    found = error.errors(include_url=False, include_context=True)
    first = found[0]
    if first["type"] == "json_invalid":
        return ProblemError(400, f"the body is no valid JSON: {first['ctx']['error']}")
    fields = [
        FieldProblem(field=path(one["loc"]) or where, message=_advice(one["type"], one["msg"], one.get("ctx", {})))
        for one in found
    ]
    return ProblemError(422, _summary(fields), fields)


def path(location: Sequence[int | str]) -> str:
    """Write pydantic's location as people do: ``recipients[3].to``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _advice(kind: str, message: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown field; remove it or mend its name (/docs shows the fields)"
        case "missing":
            return "is required"
        case "timezone_aware":
            return "add the offset from UTC, such as Z or +01:00"
        case "too_long":
            return f"{context['actual_length']} entries are too many; give at most {context['max_length']}"
        case "too_short":
            return f"give at least {context['min_length']} of them"
    return message[:1].lower() + message[1:]


def _summary(fields: Sequence[FieldProblem]) -> str:
    first = fields[0]
    more = f" (and {len(fields) - 1} more, see errors)" if len(fields) > 1 else ""
    return f"{first.field}: {first.message}{more}"


def _translated(error: errors.EmsError) -> ProblemError | None:
    match error:
        case errors.InvalidError():
            return ProblemError(422, str(error), [FieldProblem(field=error.field, message=error.message)])
        case errors.NoValidRecipientError():
            rejected = [Rejected.model_validate(one) for one in error.rejected]
            return ProblemError(422, str(error), [FieldProblem(field="recipients", message=str(error))], rejected)
        case errors.TooLargeError() | errors.UnknownIdError() | errors.ConflictError():
            status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
            return ProblemError(status, str(error))
        case errors.UnavailableError():
            _log.warning("service_unavailable", service=error.service, error=str(error))
            detail = f"{error}; try again in {error.retry_after} seconds"
            return ProblemError(503, detail, headers={"Retry-After": str(error.retry_after)})
    return None


def _from_http(error: HTTPException, max_body_bytes: int) -> ProblemError:
    status = error.code or 500
    match error:
        case RequestEntityTooLarge():
            return ProblemError(413, f"the body exceeds {max_body_bytes} bytes; send it in parts")
        case MethodNotAllowed():
            allowed = ", ".join(sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"}))
            return ProblemError(405, f"this path takes {allowed}", headers={"Allow": allowed})
    if status == HTTPStatus.NOT_FOUND:
        return ProblemError(404, "there is nothing at this path; /docs shows what there is")
    return ProblemError(status, error.description or HTTPStatus(status).phrase)
