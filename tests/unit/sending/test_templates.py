"""What a template needs, and what is wrong with one."""

import pytest

from ems.errors import InvalidError
from ems.sending.templates import (
    MAX_TEMPLATE_BYTES,
    TemplateParts,
    line_breaking_variables,
    missing_variables,
    parse,
)


@pytest.mark.parametrize(
    ("html", "required"),
    [
        ("plain", []),
        ("{{name}} {{name}}", ["name"]),
        ("{{{raw}}} {{& unescaped}} {{~ trimmed ~}}", ["raw", "unescaped", "trimmed"]),
        ("{{user.name}} {{items.[0].title}} {{[first name]}}", ["user.name", "items.[0].title", "[first name]"]),
        ("{{@root.shop}} {{this.shop}} {{./shop}}", ["shop"]),
        ("{{this}} {{@index}} {{../up}}", []),
        ("{{#if vip}}{{gift}}{{else}}{{offer}}{{/if}}", []),
        ("{{#unless a}}{{b}}{{/unless}}{{^c}}{{d}}{{/c}}{{#e}}{{f}}{{/e}}", []),
        ("{{#each items as |item|}}{{item.name}}{{@index}}{{/each}}{{#with user}}{{name}}{{/with}}", []),
        ("{{lookup prices currency}}", []),
        ('{{#*inline "row"}}{{price}}{{/inline}}{{> row}}', ["price"]),
        ('{{#*inline "row"}}{{price}}{{/inline}}{{#if a}}{{> row}}{{/if}}', []),
        ('{{#*inline "row"}}{{price}}{{/inline}}{{> row item}}', []),
        ('{{#* inline "row"}}{{price}}{{/inline~}} {{> row}}', ["price"]),  # as SES's guide writes it
        ("{{! a comment }}{{!-- {{another}} --}}", []),
        (r"\{{escaped}}", []),
    ],
)
def test_what_a_template_prints_outside_of_blocks_is_required(html: str, required: list[str]) -> None:
    assert list(parse(TemplateParts("s", html=html))) == required


def test_the_parts_of_a_template_are_taken_together() -> None:
    assert parse(TemplateParts("{{a}}", html="{{b}}{{a}}", text="{{c}}")) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("one\ntwo {{name", "line 2: unclosed tag"),
        ("{{#if a}}\n{{#each b}}\n{{/if}}", "line 3"),
        ("\n{{#if a}} never closed", "line 2: unclosed block"),
        ("text {{/if}}", "line 1"),
        ("{{}}", "empty tag"),
        ("{{else}}", "outside a block"),
        ("{{items.0}}", "items.0"),
        ("{{a b c}}", "'a' is no helper"),
        ("{{upper name}}", "'upper' is no helper"),
        ("{{#compare a b}}x{{/compare}}", "'compare' is no helper"),
        ('{{#if (eq a "(")}}x{{/if}}', "'eq' is no helper"),
        ("{{#if a}}{{#if b}}{{shout c}}{{/if}}{{/if}}", "'shout' is no helper"),
        ("{{#if}}x{{/if}}", "exactly one argument"),
        ("{{> footer}}", "defines inline"),
    ],
)
@pytest.mark.parametrize("part", ["subject", "html", "text"])
def test_a_template_that_ses_could_not_render_is_refused_by_part(part: str, source: str, words: str) -> None:
    if part == "subject":
        source = source.replace("\n", " ")
    parts = {"subject": "s", "text": "t", part: source}
    with pytest.raises(InvalidError) as caught:
        parse(TemplateParts(**parts))

    assert caught.value.field == f"template.{part}"
    assert part == "subject" or words in caught.value.message


@pytest.mark.parametrize("parts", [TemplateParts("s"), TemplateParts("s", html="", text="")])
def test_a_template_needs_html_or_text(parts: TemplateParts) -> None:
    with pytest.raises(InvalidError, match="html, text or both"):
        parse(parts)


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: bob@example.com", "Hi\n{{name}}", "tab\t", "\x00", "line\u2028"])
def test_a_subject_is_one_line(subject: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse(TemplateParts(subject, text="t"))

    assert caught.value.field == "template.subject"


def test_the_size_limit_is_that_of_ses_and_counts_bytes() -> None:
    parse(TemplateParts("s", text="x" * (MAX_TEMPLATE_BYTES - 1)))
    with pytest.raises(InvalidError, match="512000"):
        parse(TemplateParts("s", text="ü" * (MAX_TEMPLATE_BYTES // 2)))


@pytest.mark.parametrize(
    ("own", "missing"),
    [
        ({}, ["name", "order.id"]),
        ({"name": "Ada", "order": {"id": 0}}, []),
        ({"name": "", "order": {"id": False}}, []),
        ({"name": None, "order": {"id": None}}, ["name", "order.id"]),
        ({"name": "Ada", "order": "7"}, ["order.id"]),
        ({"name": "Ada", "order": {}}, ["order.id"]),
    ],
)
def test_variables_that_nobody_gives_are_missing(own: dict[str, object], missing: list[str]) -> None:
    assert missing_variables(("name", "order.id", "shop"), shared={"shop": "x"}, own=own) == missing


def test_own_data_hides_shared_data_by_top_level_name() -> None:
    shared = {"order": {"id": 7}, "name": "you"}

    assert missing_variables(("order.id", "name"), shared=shared, own={"order": {"total": 1}}) == ["order.id"]


def test_list_items_and_odd_names_are_found() -> None:
    own = {"items": [{"n": 1}], "first name": "Ada"}

    assert missing_variables(("items.[0].n", "[first name]"), shared={}, own=own) == []
    assert missing_variables(("items.[1].n",), shared={}, own=own) == ["items.[1].n"]


@pytest.mark.parametrize(
    ("subject", "breaking"),
    [
        ("Hello {{name}}", ["name"]),
        ("Hello {{#if vip}}{{name}}{{/if}}", ["name"]),
        ("Hello {{lookup who name}}", ["name"]),
        ("Hello {{other}}", []),
        ("Hello", []),
    ],
)
def test_values_that_would_break_the_subject_line_are_found(subject: str, breaking: list[str]) -> None:
    data = {"name": "Ada\r\nBcc: bob@example.com", "other": "Grace", "vip": True}

    assert line_breaking_variables(subject, shared={}, own=data) == breaking
    assert line_breaking_variables(subject, shared=data, own={}) == breaking


@pytest.mark.parametrize(
    ("subject", "breaking"),
    [
        ("{{#each items}}{{this}}{{/each}}", ["items"]),
        ("{{#with user}}{{name}}{{/with}}", ["user"]),
        ("{{#user}}{{name}}{{/user}}", ["user"]),
        ("{{user}}", ["user"]),
        ('{{lookup user "name"}}', ["user"]),
        ('{{#*inline "p"}}{{name}}{{/inline}}{{> p user}}', ["user"]),
        ("{{#if user}}{{user.id}}{{/if}}", []),
        ("{{user.id}}", []),
    ],
)
def test_a_line_break_that_a_block_can_print_from_a_list_or_object_is_found(subject: str, breaking: list[str]) -> None:
    data = {"items": ["a", ["b\r\nBcc: bob@example.com"]], "user": {"id": 7, "name": "Ada\nBob"}}

    assert line_breaking_variables(subject, shared={}, own=data) == breaking
