"""Templates: what SES will need for one before it can render it.

SES renders Handlebars and reports a template that it cannot render only after it took the mail, as an event
(aws-facts: "Rendering Failure"). So a template is parsed when it is stored, and each recipient's data is held against
the variables that the template prints no matter what.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dotpromptz_handlebars import Block, InlinePartial, Mustache, Node, Partial, PartialBlock

# The parser is public only through rendering; its tree is what tells which variables are needed. Pinned below 0.3.
from dotpromptz_handlebars._render import compile_template

from ems.aws.handlebars import readable
from ems.aws.ses import UNSUBSCRIBE_VARIABLE
from ems.errors import InvalidError
from ems.sending.addresses import has_control_characters

MAX_TEMPLATE_BYTES = 500 * 1024
"""SES's limit on subject, HTML and text together (SES developer guide, service quotas)."""

_BLOCK_HELPERS = frozenset({"if", "unless", "each", "with"})
_HELPERS = frozenset({"lookup", "log"})
_TESTS = frozenset({"if", "unless"})
"""Helpers that print nothing of their argument."""
_SUBEXPRESSION = re.compile(r"\(\s*([^\s()]+)")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
_BLOCK_TAG = re.compile(r"\{\{~?\s*([#^/])\s*([^\s}~]+)")
_PATH_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]/]+)")


@dataclass(frozen=True, slots=True)
class TemplateParts:
    """A template as callers write it: Handlebars in each part, at least one of ``html`` and ``text``."""

    subject: str
    html: str | None = None
    text: str | None = None

    def given(self) -> Iterator[tuple[str, str]]:
        """Yield the name and source of each part that is there."""
        for part, source in (("subject", self.subject), ("html", self.html), ("text", self.text)):
            if source is not None:
                yield part, source


def parse(template: TemplateParts) -> tuple[str, ...]:
    """Check a template and return the variables that it cannot do without, as dotted paths in order of appearance.

    Those are the paths printed outside of every block; what a block prints depends on the data.

    Raises:
        InvalidError: A part does not parse, uses what SES does not know, or the whole is too large; ``field`` is
            ``template.<part>``.
    """
    if not template.html and not template.text:
        raise InvalidError("template", "give html, text or both")
    if has_control_characters(template.subject):
        raise InvalidError("template.subject", "remove the line breaks and control characters; a subject is one line")
    size = sum(len(source.encode()) for _, source in template.given())
    if size > MAX_TEMPLATE_BYTES:
        raise InvalidError("template", f"subject, html and text together have {size} bytes; SES takes 512000")
    required: dict[str, None] = {}
    for part, source in template.given():
        required.update(dict.fromkeys(_required(f"template.{part}", source)))
    return tuple(required)


def of_callers(variables: Iterable[str], *, kind: str) -> tuple[str, ...]:
    """Return those of *variables* that callers must give: in bulk campaigns EMS fills one in itself."""
    return tuple(path for path in variables if kind != "bulk" or path != UNSUBSCRIBE_VARIABLE)


@lru_cache(maxsize=256)
def subject_variables(subject: str) -> tuple[str, ...]:
    """Return every path that *subject* can print, in blocks or not. The subject must have passed parse()."""
    return tuple(dict.fromkeys(_mentioned(compile_template(readable(subject)))))


def missing_variables(required: Iterable[str], *, shared: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Name the required variables that neither a recipient's *own* data nor the *shared* data holds.

    As at SES, own data wins by top-level name. A null counts as missing: a mail that greets nobody is not meant.
    """
    return [path for path in required if _look_up(path, shared=shared, own=own) is None]


def line_breaking_variables(subject: str, *, shared: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Name the variables of *subject* whose value holds a control character, which could forge a header.

    What stands in a list or an object counts, since a block can print it.
    """
    values = ((path, _look_up(path, shared=shared, own=own)) for path in subject_variables(subject))
    return [path for path, value in values if any(map(has_control_characters, _texts(value)))]


def _look_up(path: str, *, shared: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    first, *rest = _split(path)
    value: Any = own[first] if first in own else shared.get(first)
    for part in rest:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, Sequence) and not isinstance(value, str) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | Sequence):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)


@lru_cache(maxsize=4096)
def _split(path: str) -> tuple[str, ...]:
    return tuple(bracketed or plain for bracketed, plain in _PATH_PART.findall(path))


def _required(field: str, source: str) -> Iterator[str]:
    try:
        nodes = compile_template(readable(source))
    except ValueError as error:
        raise InvalidError(field, f"does not parse{_place(source, str(error))}: {error}") from None
    partials = {node.name: node.body for node in _every(nodes) if isinstance(node, InlinePartial)}
    for node in _every(nodes):
        _refuse_unknown(field, node, partials)
    return _printed(nodes, partials, seen=frozenset())


def _children(node: Node) -> list[Node]:
    if isinstance(node, Block):
        return [*node.body, *node.inverse]
    if isinstance(node, InlinePartial | PartialBlock):
        return node.body
    return []


def _every(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _every(_children(node))


def _printed(nodes: Iterable[Node], partials: Mapping[str, list[Node]], *, seen: frozenset[str]) -> Iterator[str]:
    """Yield the paths that *nodes* print unconditionally, inline partials of the same context included."""
    for node in nodes:
        if isinstance(node, Mustache) and not _is_call(node.call):
            path = _data_path(node.call["name"])
            if path:
                yield path
        elif isinstance(node, Partial) and not node.context_path and not node.hash and node.name not in seen:
            yield from _printed(partials[node.name], partials, seen=seen | {node.name})


def _mentioned(nodes: Iterable[Node]) -> Iterator[str]:
    for node in _every(nodes):
        if isinstance(node, Partial) and node.context_path:
            yield from filter(None, [_data_path(node.context_path)])
        elif isinstance(node, Mustache | Block) and node.call["name"] not in _TESTS:
            call = node.call
            tokens = [*call["args"], *call["hash"].values()] if _is_call(call) else [call["name"]]
            yield from filter(None, map(_data_path, tokens))


def _is_call(call: Mapping[str, Any]) -> bool:
    return bool(call["args"] or call["hash"] or call["literal"] or call["name"].startswith("("))


def _data_path(token: str) -> str | None:
    """Return the path into the data that *token* names at the top of a template, if it names one."""
    path = token.removeprefix("@root.").removeprefix("this.").removeprefix("this/").removeprefix("./")
    if path in {"", "this", ".", "true", "false", "null", "undefined"} or path[0] in "@(\"'." or path[0].isdigit():
        return None
    return path


def _refuse_unknown(field: str, node: Node, partials: Mapping[str, Any]) -> None:
    if isinstance(node, Partial) and node.name not in partials and node.name != "@partial-block":
        raise InvalidError(
            field, f"{{{{> {node.name}}}}}: SES knows only partials that the template itself defines inline"
        )
    if not isinstance(node, Mustache | Block):
        return
    call = node.call
    name = call["name"]
    known = _HELPERS | _BLOCK_HELPERS if isinstance(node, Block) else _HELPERS
    if _is_call(call) and not name.startswith("(") and name not in known:
        raise InvalidError(field, f"{name!r} is no helper that SES knows (if, unless, each, with, lookup)")
    if name in _BLOCK_HELPERS and isinstance(node, Block) and len(call["args"]) != 1:
        raise InvalidError(field, f"{{{{#{name}}}}} takes exactly one argument")
    for token in (name, *call["args"], *call["hash"].values()):
        for helper in _SUBEXPRESSION.findall(_STRING.sub("", token)):
            if helper not in _HELPERS:
                raise InvalidError(field, f"{helper!r} is no helper that SES knows (if, unless, each, with, lookup)")


def _place(source: str, problem: str) -> str:
    """Say on which line *problem* is, as far as it can be told; the parser keeps no positions."""
    if problem == "unclosed tag":
        return f" at line {source.count(chr(10), 0, source.rfind('{{')) + 1}"
    opened: list[re.Match[str]] = []
    for tag in _BLOCK_TAG.finditer(source):
        if tag[1] != "/":
            opened.append(tag)
        elif not opened or opened.pop()[2] != tag[2]:
            return _line(source, tag)
    return _line(source, opened[-1]) if opened else ""


def _line(source: str, tag: re.Match[str]) -> str:
    return f" at line {source.count(chr(10), 0, tag.start()) + 1}"
