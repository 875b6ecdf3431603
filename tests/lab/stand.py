"""All of EMS on embedded services, with a wire between the two that traps can be laid on."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import boto3
import requests
from requests.adapters import HTTPAdapter
from stage.polling import until
from stage.product import KEY, REPOSITORY, SECRET, Api, bare_environment
from stage.supervisor import Supervisor
from stage.wire import Wire
from urllib3.util import Retry

from ems import queues
from ems.local.client import SimulatorClient
from ems.local.launcher import LocalAws, free_port
from ems.local.provision import Provisioner
from ems.settings import Settings
from ems.wiring import Services

CREW = ("web", "sender", "sender", "events", "control", "beat")
"""What runs; two senders, so that one can take over from the other."""

CALL_SIZE = 5
"""Recipients of a bulk call."""

SHORT_WAITS = {
    "EMS_VISIBILITY_TIMEOUT_SECONDS": "10",  # what a killed worker had in hand comes back after this
    "EMS_ACCOUNT_REFRESH_SECONDS": "2",
    "EMS_SES_CONNECT_TIMEOUT_SECONDS": "1",
    "EMS_SES_READ_TIMEOUT_SECONDS": "2",
    "EMS_IN_DOUBT_SECONDS": "5",
    "EMS_CANARY": "0",  # a campaign is all under way when it is struck
}

QUEUES = (queues.TRIGGER, queues.WAIT, queues.EVENTS)
"""The queues that are empty when nothing is left to do."""


class Stand:
    """A context manager: provisioned, started and subscribed to events inside, nothing left behind outside.

    Attributes:
        api: A caller with a key.
        ses: The SES simulator: its log, its faults.
        wire: What every process of EMS reaches AWS through.
        crew: The processes.
        services: EMS's own parts, in this process and past the wire: to audit with.
    """

    api: Api
    ses: SimulatorClient
    wire: Wire
    crew: Supervisor
    services: Services

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _start(self) -> None:
        aws = self._open.enter_context(
            LocalAws(aws_port=free_port(), ses_port=free_port(), state_dir=self._directory / "aws")
        )
        self.ses = SimulatorClient(str(aws.ses_url))
        self.wire = self._open.enter_context(Wire(aws_url=aws.aws_url, ses_url=str(aws.ses_url), everyone=self._pids))
        environment = self._environment(aws.environment())
        self._open.enter_context(_process_environment(environment))
        provisioner = Provisioner(Settings.from_environment())
        failed = [step for step in provisioner.run(webhook=False) if step.error]
        assert not failed, failed
        through_wire = {name: self.wire.url for name in environment if name.startswith("AWS_ENDPOINT_URL")}
        told = {"EMS_SNS_TOPIC_ARNS": str(provisioner.topic_arn)}
        self.crew = self._open.enter_context(
            Supervisor(REPOSITORY, environment={**environment, **through_wire, **told}, directory=self._directory)
        )
        for name in CREW:
            self.crew.start(name)
        self.api = self._open.enter_context(Api(environment["EMS_PUBLIC_URL"], session=_patient_session()))
        self.services = Services(Settings.from_environment())
        self._wait_until_ready(provisioner)

    def _pids(self) -> list[int]:
        return self.crew.pids()

    def _environment(self, aws: Mapping[str, str]) -> dict[str, str]:
        port = str(free_port())
        metrics = self._directory / "metrics"
        metrics.mkdir()
        return bare_environment(
            **aws,
            **SHORT_WAITS,
            PORT=port,
            EMS_PUBLIC_URL=f"http://127.0.0.1:{port}",
            EMS_BOOTSTRAP_API_KEY=KEY,
            EMS_UNSUBSCRIBE_SECRETS=SECRET,
            EMS_SES_CALL_SIZE=str(CALL_SIZE),
            EMS_TASK_EVENTS="0",  # nobody watches
            SENDER_THREADS="8",
            PROMETHEUS_MULTIPROC_DIR=str(metrics),
            PYTHONUNBUFFERED="1",
        )

    def _wait_until_ready(self, provisioner: Provisioner) -> None:
        for name in ("sender", "events", "control"):
            self.crew.says(name, " ready.", times=CREW.count(name))
        until(self._answers)
        provisioner.subscribe()
        until(lambda: self._confirmed(str(provisioner.topic_arn)))

    def _answers(self) -> bool:
        try:
            return self.api.call("GET", "/readyz").status == HTTPStatus.OK
        except requests.ConnectionError:
            return False

    def _confirmed(self, topic_arn: str) -> bool:
        found = boto3.client("sns").list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
        return any(one["SubscriptionArn"] != "PendingConfirmation" for one in found)

    def free_queue(self) -> None:
        """Let the next campaign have email-wait, which the drainer does ten seconds after the last one came to rest."""
        holder = self.services.parking.waiting().holder
        if holder is not None:
            self.services.parking.free_queue(holder)

    def at_rest(self) -> bool:
        """Tell whether every queue is empty, nothing is parked and every event has arrived."""
        told = self.ses.report()["events"].values()
        return (
            not any(kind["pending"] for kind in told)
            and not any(self.depths(QUEUES).values())
            and not self.services.parking.waiting().lots
        )

    def depths(self, names: Iterable[str]) -> dict[str, int]:
        """Count the messages of queues, whether in hand or not."""
        return {name: self.services.sqs.depth(name).total for name in names}

    @contextmanager
    def senders_with(self, settings: Mapping[str, str]) -> Iterator[None]:
        """Run the senders with other settings."""
        if not settings:
            yield
            return
        ready = self.crew.log("sender").read_text().count(" ready.")
        self.crew.replace("sender", **settings)
        self.crew.says("sender", " ready.", times=ready + CREW.count("sender"))
        try:
            yield
        finally:
            self.crew.replace("sender")


def _patient_session() -> requests.Session:
    """Read again while the web process is down or says 503; what is posted is its caller's to repeat."""
    again = Retry(total=12, backoff_factor=0.1, backoff_max=1.0, status_forcelist=[HTTPStatus.SERVICE_UNAVAILABLE])
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=again))
    return session


@contextmanager
def _process_environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Be an EMS process like any other: AWS is found through the environment."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
