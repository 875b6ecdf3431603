import random

import pytest

from ems.local.simulator.faults import CALL_FAULTS, EVENT_FAULTS, Fault, Faults
from ems.local.simulator.wire import SesError


def faults(*rules: dict[str, object]) -> Faults:
    made = Faults(random.Random(5))
    for rule in rules:
        made.add(Fault.of_request(rule))
    return made


def test_a_fault_strikes_as_often_as_it_was_asked_to() -> None:
    made = faults({"kind": "throttle", "operation": "SendEmail", "times": 2})
    struck = [made.take("SendEmail", CALL_FAULTS) is not None for _ in range(3)]
    assert struck == [True, True, False]
    assert made.as_json()[0]["struck"] == 2


def test_a_fault_leaves_other_operations_and_kinds_alone() -> None:
    made = faults({"kind": "throttle", "operation": "SendEmail"})
    assert made.take("SendBulkEmail", CALL_FAULTS) is None
    assert made.take("SendEmail", EVENT_FAULTS) is None


def test_a_star_hits_every_operation() -> None:
    assert faults({"kind": "latency"}).take("GetAccount", CALL_FAULTS) is not None


def test_a_probability_strikes_now_and_then() -> None:
    made = faults({"kind": "error", "probability": 0.5})
    struck = sum(made.take("SendEmail", CALL_FAULTS) is not None for _ in range(200))
    assert 60 < struck < 140


def test_a_spent_rule_makes_way_for_the_next() -> None:
    made = faults({"kind": "error", "times": 1}, {"kind": "latency", "times": 1})
    taken = [made.take("SendEmail", CALL_FAULTS) for _ in range(3)]
    assert [fault.kind if fault else None for fault in taken] == ["error", "latency", None]


def test_lifted_rules_strike_no_more() -> None:
    made = faults({"kind": "error"})
    made.clear()
    assert made.take("SendEmail", CALL_FAULTS) is None


@pytest.mark.parametrize(
    "rule", [{"kind": "nonsense"}, {}, [], {"kind": "error", "colour": "red"}, {"kind": "outcome", "outcome": "magic"}]
)
def test_a_rule_that_makes_no_sense_is_refused(rule: object) -> None:
    with pytest.raises(SesError):
        Fault.of_request(rule)
