"""Whatever comes out of the queue is read: strange JSON in a known shape, and JSON of no shape at all."""

import json
from collections.abc import Mapping
from typing import Any

from fakes.ses_events import FIXTURES, load
from hypothesis import given
from hypothesis import strategies as st

from ems.store.tracking import TrackedMail
from ems.tracking.decide import decide
from ems.tracking.events import parse
from ems.tracking.intake import unwrap
from ems.tracking.protection import verdict_on

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fixtures = st.sampled_from(sorted(path.stem for path in FIXTURES.glob("*.json"))).map(load)


def paths(document: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in document.items():
        found.append((*prefix, key))
        if isinstance(value, Mapping):
            found += paths(value, (*prefix, key))
    return found


@given(anything)
def test_json_of_no_shape_is_an_unknown_event_that_can_be_handled(document: Any) -> None:
    body = json.dumps(document)
    unwrap(body)
    for event in parse(body):
        verdict_on(event)
        decide(TrackedMail("em-1"), event)


@given(fixtures, st.data(), anything)
def test_a_known_event_with_one_strange_value_can_be_handled(
    document: dict[str, Any], data: st.DataObject, strange: Any
) -> None:
    path = data.draw(st.sampled_from(paths(document)))
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = strange
    for event in parse(json.dumps(document)):
        verdict_on(event)
        write = decide(TrackedMail("em-1"), event)
        assert write is None or json.dumps(list(write.timeline))
