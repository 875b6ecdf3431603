"""A short choice of the crash lab's scenarios; `make faults` runs all of them."""

import pytest
from lab.catalog import scenarios
from lab.scenario import Scenario
from lab.stand import Stand
from lab.trial import Trial

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("scenario", [one for one in scenarios() if one.short], ids=lambda scenario: scenario.name)
def test_nobody_gets_two_mails_and_nobody_is_lost(stand: Stand, scenario: Scenario) -> None:
    result = Trial(stand, scenario, seed=1).run()
    assert result.breaks == (), "\n".join(result.breaks)
