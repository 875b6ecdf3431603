"""The rule for mails in doubt, and the settings that make it."""

import pytest

from ems.sending.doubt_policy import DoubtPolicy, PolicyName
from ems.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("name", "transactional", "bulk"), [("by_kind", True, False), ("hold", False, False), ("resend", True, True)]
)
def test_the_policy_decides_by_the_kind_of_the_campaign(name: PolicyName, *, transactional: bool, bulk: bool) -> None:
    policy = DoubtPolicy(120, name)
    assert (policy.resends("transactional"), policy.resends("bulk")) == (transactional, bulk)


def test_a_window_that_an_ses_call_could_outlast_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMS_IN_DOUBT_SECONDS", "23")
    with pytest.raises(SettingsError, match=r"EMS_IN_DOUBT_SECONDS.*longest SES call, 23 seconds"):
        Settings.from_environment()
    monkeypatch.setenv("EMS_SES_READ_TIMEOUT_SECONDS", "10")
    assert Settings.from_environment().in_doubt_seconds == 23
