import pytest

from ems.local.simulator.templates import Content, RenderingError, TemplateStore, parse_data
from ems.local.simulator.wire import SesError


def test_variables_paths_conditions_and_lists_are_rendered() -> None:
    content = Content(
        subject="Hello {{name}}",
        text="{{#each items}}{{this.label}};{{/each}}",
        html="<p>{{contact.city}}{{#if vip}} VIP{{else}} guest{{/if}}</p>",
    )
    rendered = content.rendered({"name": "Ann", "contact": {"city": "Bonn"}, "items": [{"label": "a"}, {"label": "b"}]})
    assert rendered == Content("Hello Ann", "a;b;", "<p>Bonn guest</p>")


def test_an_inline_partial_is_read_as_the_guide_of_ses_writes_it() -> None:
    content = Content(text='{{#* inline "who"}}{{first}}{{#if last}} {{last}}{{/if}}{{/inline~}} Hello {{> who}}!')
    assert content.rendered({"first": "Ada", "last": "Lovelace"}).text == "Hello Ada Lovelace!"


def test_nothing_is_escaped_because_ses_escapes_nothing() -> None:
    assert Content(html="<p>{{name}}</p>").rendered({"name": "<b>&"}).html == "<p><b>&</p>"


def test_a_missing_variable_fails_the_rendering_and_is_named() -> None:
    with pytest.raises(RenderingError, match=r"Attribute 'contact\.city' is not present"):
        Content(text="{{contact.city}}").rendered({"contact": {}})


def test_a_text_without_variables_needs_no_data() -> None:
    assert Content(text="plain } text").rendered({}).text == "plain } text"


@pytest.mark.parametrize("source", ["{{name", "{{#if a}}x", "{{/if}}", "{{#each}}{{/if}}"])
def test_a_template_that_does_not_parse_is_refused_when_it_is_stored(source: str) -> None:
    with pytest.raises(SesError, match="Html part is invalid"):
        Content.of_template({"Subject": "s", "Html": source})


def test_a_template_without_a_body_is_refused() -> None:
    with pytest.raises(SesError, match="neither"):
        Content.of_template({"Subject": "s"})


def test_a_template_beyond_500_kilobytes_is_refused() -> None:
    with pytest.raises(SesError, match="500 KB"):
        Content.of_template({"Text": "x" * (500 * 1024 + 1)})


@pytest.mark.parametrize("data", ["{", "[]", '"text"', "1"])
def test_template_data_must_be_a_json_object(data: str) -> None:
    with pytest.raises(SesError):
        parse_data(data)


def test_absent_template_data_is_empty() -> None:
    assert parse_data(None) == {}


def test_an_update_keeps_the_time_of_creation() -> None:
    store = TemplateStore()
    store.create("welcome", Content(text="one"))
    created = store.get("welcome").created
    store.update("welcome", Content(text="two"))
    assert (store.get("welcome").content.text, store.get("welcome").created) == ("two", created)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 65])
def test_template_names_are_checked(name: str) -> None:
    with pytest.raises(SesError):
        TemplateStore().create(name, Content(text="x"))


def test_a_name_is_taken_once() -> None:
    store = TemplateStore()
    store.create("welcome", Content(text="one"))
    with pytest.raises(SesError) as refused:
        store.create("welcome", Content(text="two"))
    assert refused.value.code == "AlreadyExistsException"


def test_a_deleted_template_is_unknown() -> None:
    store = TemplateStore()
    store.create("welcome", Content(text="one"))
    store.delete("welcome")
    with pytest.raises(SesError) as refused:
        store.get("welcome")
    assert (refused.value.code, refused.value.status) == ("NotFoundException", 404)
