"""Cutting a batch: everybody once, always the same way, and every message small enough for SQS."""

from typing import Any

from fakes.sending import CAMPAIGN, chunk
from hypothesis import given, settings
from hypothesis import strategies as st

from ems.sending.payloads import CHUNK_RECIPIENTS, ChunkPayload, ChunkRecipient
from ems.sending.recipients import check, chunked

SQS_BYTES = 256 * 1024

texts = st.one_of(st.text(max_size=40), st.integers(0, 90_000).map(lambda n: "x" * n), st.just('é🌍\\"' * 2000))
data = st.dictionaries(st.text(min_size=1, max_size=8), texts, max_size=3)
addresses = st.from_regex(r"[a-z]{1,64}@[a-z]{1,60}\.example\.com", fullmatch=True)
requests = st.lists(st.fixed_dictionaries({"to": addresses, "data": data}), max_size=130)


def payloads(recipients: list[ChunkRecipient], shared: dict[str, Any], size: int) -> list[ChunkPayload]:
    return [
        chunk(number=number, recipients=tuple(part), data=shared)
        for number, part in enumerate(chunked(recipients, shared=shared, size=size))
    ]


@given(requests, data, st.integers(1, CHUNK_RECIPIENTS))
@settings(max_examples=60, deadline=None)
def test_every_accepted_recipient_is_in_one_chunk_in_order_and_every_message_fits(
    entries: list[dict[str, Any]], shared: dict[str, Any], size: int
) -> None:
    shared = {"name": "all", **shared}
    accepted = check(CAMPAIGN, entries, shared=shared).accepted
    made = payloads(accepted, shared, size)

    assert [one for part in made for one in part.recipients] == accepted
    assert made == payloads(accepted, shared, size)
    for part in made:
        assert 1 <= len(part.recipients) <= size
        assert len(part.message().body) < SQS_BYTES
