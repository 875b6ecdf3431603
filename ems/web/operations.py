"""HTTP operations: a method of a resource class, with what it takes and gives read from its annotations.

The view of an operation authenticates, reads query and body through the models and calls the method; the OpenAPI
document (:mod:`ems.web.openapi`) is generated from the same models, so the two cannot part.

A method may take: its path parameters as ``str``, ``query`` (a Query), ``body`` (a Body), ``form`` (the fields of a
form), ``accept`` (what kinds of answer are wanted), ``caller`` (who asks, and the Idempotency-Key), ``by`` (who asks,
in the words of a record) and ``post`` (the request as it came).
It returns an Answer, None (204) or a whole Response.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

from flask import Flask, Response, g, request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from werkzeug.exceptions import RequestEntityTooLarge

from ems.errors import UnknownIdError
from ems.sending.requests import Caller
from ems.store.keys import is_id
from ems.store.scopes import Scope
from ems.web.answers import Answer, FieldProblem
from ems.web.auth import Authenticator
from ems.web.bodies import Query
from ems.web.problems import ProblemError, from_validation

Handler = TypeVar("Handler", bound=Callable[..., Any])

_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_CONVERTERS = {"address": "path:"}
"""An address may hold a slash before the @, and WSGI decodes %2F before routes are matched."""
SHOWN_OF_AN_ID = 50
"""Characters of an impossible id that its problem repeats."""

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,128}")
_NOT_JSON = re.compile(rb"\b(?:NaN|Infinity)\b")


@dataclass(frozen=True, slots=True)
class Post:
    """A request as it came."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Operation:
    """What one HTTP operation takes and gives. ``scope`` None means that it needs no key."""

    method: str
    path: str
    scope: Scope | None
    tag: str
    success: int
    problems: tuple[int, ...]
    also: Mapping[int, type[Answer]]
    media_type: str
    name: str
    doc: str
    takes: Mapping[str, type[Any]] = field(default_factory=dict)
    gives: type[Any] | None = None

    @property
    def path_parameters(self) -> list[str]:
        """Return the names in braces."""
        return _PATH_PARAMETER.findall(self.path)

    def model(self, parameter: str) -> type[BaseModel] | None:
        """Return the model of ``query`` or ``body``, if the operation takes it."""
        return self.takes.get(parameter)

    @property
    def answer(self) -> type[Answer] | None:
        """Return the model of the answer, if it is one."""
        return self.gives if inspect.isclass(self.gives) and issubclass(self.gives, Answer) else None


def operation(
    route: str,
    *,
    scope: Scope | None,
    tag: str,
    success: int = 200,
    problems: tuple[int, ...] = (),
    also: Mapping[int, type[Answer]] | None = None,
    media_type: str = "application/json",
) -> Callable[[Handler], Handler]:
    """Make a method the handler of *route* (``GET /path/{id}``); name, docstring and annotations tell the rest."""
    method, path = route.split()

    def mark(handler: Handler) -> Handler:
        hints = get_type_hints(handler)
        described = Operation(
            method=method,
            path=path,
            scope=scope,
            tag=tag,
            success=success,
            problems=problems,
            also=also or {},
            media_type=media_type,
            name=handler.__name__,
            doc=inspect.getdoc(handler) or "",
            takes={name: hint for name, hint in hints.items() if name != "return"},
            gives=hints["return"],
        )
        handler.__operation__ = described  # type: ignore[attr-defined]  # what a decorator leaves on a function
        return handler

    return mark


def mount(app: Flask, resources: Iterable[object], authenticator: Authenticator) -> list[Operation]:
    """Add the operations of *resources* to *app* and return them."""
    mounted = []
    for described, handler in _operations(resources):
        rule = _PATH_PARAMETER.sub(_converted, described.path)
        view = _view(described, handler, authenticator)
        app.add_url_rule(rule, endpoint=described.name, view_func=view, methods=[described.method])
        mounted.append(described)
    return mounted


def _converted(parameter: re.Match[str]) -> str:
    """Write a path parameter as Flask does."""
    return f"<{_CONVERTERS.get(parameter[1], '')}{parameter[1]}>"


def respond(answer: Answer, status: int) -> Response:
    """Write an answer as JSON."""
    return Response(answer.model_dump_json(), status, mimetype="application/json")


def _empty(status: int) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def _operations(resources: Iterable[object]) -> Iterator[tuple[Operation, Callable[..., Any]]]:
    for resource in resources:
        for _, method in inspect.getmembers(resource, inspect.ismethod):
            described = getattr(method, "__operation__", None)
            if isinstance(described, Operation):
                yield described, method


def _view(described: Operation, handler: Callable[..., Any], authenticator: Authenticator) -> Callable[..., Response]:
    def view(**arguments: Any) -> Response:
        if described.scope is not None:
            g.key_id = authenticator.identify(request.authorization, described.scope).key_id
            _check_ids(arguments)
            arguments |= _checked_arguments(described)
        if "post" in described.takes:
            arguments["post"] = Post(request.get_data(cache=False), dict(request.headers.items()))
        if "form" in described.takes:
            arguments["form"] = request.form.to_dict()
        if "accept" in described.takes:
            arguments["accept"] = request.accept_mimetypes
        answer = handler(**arguments)
        if answer is None:
            return _empty(described.success)
        return answer if isinstance(answer, Response) else respond(answer, described.success)

    return view


def _check_ids(path_parameters: Mapping[str, str]) -> None:
    """Answer 404 for what nothing can have as its id, before DynamoDB calls it an error."""
    for name, value in path_parameters.items():
        kind = name.removesuffix("_id")
        if kind != name and not is_id(value):
            raise UnknownIdError(kind, f"{value[:SHOWN_OF_AN_ID]}…")


def _checked_arguments(described: Operation) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if "caller" in described.takes:
        arguments["caller"] = Caller(g.key_id, _idempotency_key(), g.request_id)
    if "by" in described.takes:
        arguments["by"] = f"API key {g.key_id}"
    query = _query(described.model("query") or Query)
    if "query" in described.takes:
        arguments["query"] = query
    body = described.model("body")
    if body is not None:
        arguments["body"] = _body(body)
    return arguments


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        problem = FieldProblem(field="Idempotency-Key", message="use 1 to 128 printable ASCII characters")
        raise ProblemError(422, f"{problem.field}: {problem.message}", [problem])
    return key


def _query(model: type[BaseModel]) -> BaseModel:
    given = request.args.to_dict(flat=False)
    try:
        return model.model_validate({name: values[0] if len(values) == 1 else values for name, values in given.items()})
    except ValidationError as error:
        raise from_validation(error, where="query") from None


def _body(model: type[BaseModel]) -> BaseModel:
    if request.mimetype not in {"", "application/json"} and not request.mimetype.endswith("+json"):
        raise ProblemError(415, f"send JSON with Content-Type: application/json, not {request.mimetype}")
    if request.content_encoding not in {None, "", "identity"}:
        raise ProblemError(415, f"send the body as it is, not in Content-Encoding: {request.content_encoding}")
    text = request.get_data(cache=False)
    if request.content_length is None and len(text) >= (request.max_content_length or math.inf):
        # Werkzeug cuts a chunked body off at the limit without a word.
        raise RequestEntityTooLarge
    try:
        if _NOT_JSON.search(text):  # pydantic would take these JavaScript numbers; SES would not
            from_json(text, allow_inf_nan=False)
        return model.model_validate_json(text)
    except ValidationError as error:
        raise from_validation(error, where="body") from None
    except ValueError as error:
        raise ProblemError(400, f"the body is no valid JSON: {error}") from None
