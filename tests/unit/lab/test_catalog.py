"""The list of scenarios is the contract of the crash lab."""

from collections import Counter

import pytest
from lab.catalog import scenarios
from lab.vocabulary import SENDS

from ems.local.simulator.faults import CALL_FAULTS


def test_every_scenario_has_a_name_of_its_own_and_a_fault() -> None:
    assert Counter(one.name for one in scenarios()).most_common(1)[0][1] == 1
    assert [one.name for one in scenarios() if not (one.strikes or one.ses or one.deploys)] == []


@pytest.mark.parametrize(
    ("who", "faults"),
    [
        ("sender, mail:", ("claim", "lease", "during the call", "before the record", "before the acknowledgement")),
        ("sender, chunk:", ("claim", "lease", "during the call", "before the transaction", "before the acknowledg")),
        ("web,", ("row", "50,000: killed among the chunks", "before the answer")),
        ("drainer:", ("before deleting",)),
        ("tracking:", ("after the suppression", "before the event's write")),
        ("beat:", ("killed",)),
        ("everything:", ("killed at once",)),
        ("resolve:", ("drainer is killed", "sender is killed", "web is killed")),
        ("retry:", ("web is killed", "sender is killed")),
        ("dead letters:", ("was sent", "waits for its doubts", "was sent again")),
        ("deploy:", ("web", "sender", "events", "control", "beat", "everything")),
        ("SQS:", ("twice at once", "twice, late", "visibility ends while SES is slow")),
        ("SES:", ("500", "throttles", "hangs after acceptance", "cuts the connection", "mixed statuses")),
        ("DynamoDB:", ("throttles", "its answer lost", "conflicts cancel")),
        ("SNS:", ("twice", "in disorder", "late", "after the mail was sent again")),
    ],
)
def test_every_kind_of_fault_that_ems_promises_to_survive_has_a_scenario(who: str, faults: tuple[str, ...]) -> None:
    names = [one.name for one in scenarios() if one.name.startswith(who)]
    assert [fault for fault in faults if not any(fault in name for name in names)] == []


def test_a_fault_of_calls_to_ses_strikes_those_that_send_and_never_a_look_at_the_account() -> None:
    struck = {fault.get("operation") for one in scenarios() for fault in one.ses if fault["kind"] in CALL_FAULTS}
    assert struck == set(SENDS)
