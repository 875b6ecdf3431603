"""Whatever callers write, addresses, senders, templates and cursors are taken whole or refused in words."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ems.errors import InvalidError
from ems.sending.addresses import AddressError, has_control_characters, normalise, parse_sender
from ems.sending.templates import TemplateParts, line_breaking_variables, missing_variables, parse
from ems.store import pages

near_addresses = st.one_of(
    st.text(max_size=40),
    st.emails(),
    st.builds("{}@{}".format, st.text(max_size=20), st.text(max_size=20)),
    st.text(alphabet="ab.@-<>\"' ,;\r\n\u2028ü+1", max_size=30),
)
near_templates = st.text(alphabet="ab.{}#/^>&!~|[]()@\\=\"' \n1if", max_size=40)


@given(near_addresses)
def test_an_address_is_refused_or_kept_in_a_form_that_keeps(text: str) -> None:
    with suppress(AddressError):
        kept = normalise(text)
        assert kept.isascii()
        assert kept.count("@") == 1
        assert not has_control_characters(kept)
        assert normalise(kept) == kept


@given(st.builds("{} <{}>".format, near_addresses, st.just("ada@example.com")) | near_addresses)
def test_a_sender_reads_back_from_its_own_text(text: str) -> None:
    with suppress(AddressError):
        sender = parse_sender(text)
        assert not has_control_characters(str(sender))
        assert parse_sender(str(sender)) == sender


@given(near_templates, st.dictionaries(st.text("ab", min_size=1, max_size=2), st.text(max_size=3), max_size=3))
def test_a_template_is_refused_or_its_needs_can_be_checked(source: str, data: dict[str, str]) -> None:
    with suppress(InvalidError):
        required = parse(TemplateParts(source, text=source))
        assert set(missing_variables(required, shared={}, own=data)) <= set(required)
        line_breaking_variables(source, shared={}, own=data)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=3))
def test_a_cursor_gives_back_what_was_put_in(keys: list[str]) -> None:
    assert pages.decode(pages.encode("listing", *keys), "listing", keys=len(keys)) == keys


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_any_other_cursor_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidError, match=r"^cursor: "):
        pages.decode(f"x{text}", "listing", keys=1)
