"""Real services for the tests that need them: one embedded AWS for each pytest worker."""

from collections.abc import Iterator

import pytest

from ems.local.launcher import LocalAws, free_port


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """SQS, DynamoDB, SES and SNS on free ports. ``local_aws.environment()`` points a process or a client at them."""
    with LocalAws(aws_port=free_port(), ses_port=free_port(), state_dir=tmp_path_factory.mktemp("aws")) as local:
        yield local


@pytest.fixture
def aws_environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of this test process, pointed at ``local_aws`` for the length of one test."""
    environment = local_aws.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
