"""All of EMS on one machine: the embedded AWS, a provisioned account and the Procfile's processes."""

import os
import secrets
import sys
import time
from pathlib import Path

from ems.local.launcher import DEFAULT_AWS_PORT, DEFAULT_SES_PORT, LocalAws
from ems.local.processes import LOOPBACK, Running, Service, ServiceError, free_port, port_of
from ems.local.provision import Provisioner
from ems.settings import Settings

WEB_PORT = 8000
FLOWER_PORT = 5555
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
"""More than honcho gives its processes (5 s) before it kills them."""
HONCHO_SECONDS = 10.0
"""The longest that honcho may take to start its processes; it takes a tenth of a second."""


class Stack(Running):
    """A context manager: started, provisioned and ready inside, nothing left behind outside.

    The usual ports are taken when they are free, others when not. *state_dir* takes logs and temporary files, *rate* is
    the simulated account's, *senders* how many sender processes run.
    """

    def __init__(self, *, state_dir: Path, rate: float = 100, senders: int = 1) -> None:
        self._senders = senders
        self.web_port = free_port(port_of("PORT", WEB_PORT))
        self.flower_port = free_port(port_of("FLOWER_PORT", FLOWER_PORT))
        self.api_key = os.environ.get("EMS_BOOTSTRAP_API_KEY") or f"local-{secrets.token_hex(12)}"
        self._unsubscribe_secrets = os.environ.get("EMS_UNSUBSCRIBE_SECRETS") or secrets.token_urlsafe(32)
        self.log = state_dir / "ems.log"
        self.aws = LocalAws(
            aws_port=free_port(port_of("EMS_LOCAL_AWS_PORT", DEFAULT_AWS_PORT)),
            ses_port=free_port(port_of("EMS_LOCAL_SES_PORT", DEFAULT_SES_PORT)),
            state_dir=state_dir,
            rate=rate,
        )
        self._processes: Service | None = None

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://{LOOPBACK}:{self.web_port}"

    @property
    def flower_url(self) -> str:
        """Where Flower answers."""
        return f"http://{LOOPBACK}:{self.flower_port}"

    def start(self) -> None:
        """Start everything and return when the API is ready and subscribed to SES's events.

        Raises:
            ServiceError: A part does not come up.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Raise :class:`ServiceError` when a part has ended."""
        self.aws.check()
        if self._processes is not None:
            self._processes.check()

    def stop(self) -> None:
        """Stop everything, the newest first."""
        if self._processes is not None:
            self._await_honcho(self._processes)
            self._processes.stop(seconds=STOP_SECONDS)
        self.aws.stop()

    def _start(self) -> None:
        self.aws.start()
        # From here on this process is an EMS process like any other: it finds AWS through its environment.
        os.environ.update(self.aws.environment())
        os.environ.update(
            {
                "PORT": str(self.web_port),
                "FLOWER_PORT": str(self.flower_port),
                "EMS_PUBLIC_URL": self.url,
                "FLOWER_UNAUTHENTICATED_API": "true",  # it listens on loopback only
                "EMS_BOOTSTRAP_API_KEY": self.api_key,
                "EMS_UNSUBSCRIBE_SECRETS": self._unsubscribe_secrets,
                "EMS_LOG_FORMAT": os.environ.get("EMS_LOG_FORMAT", "console"),
            }
        )
        provisioner = Provisioner(Settings.from_environment())
        failed = [step for step in provisioner.run(webhook=False) if step.error]
        if failed:
            raise ServiceError("; ".join(f"{step.what}: {step.error}" for step in failed))
        os.environ["EMS_SNS_TOPIC_ARNS"] = str(provisioner.topic_arn)
        self._processes = Service(
            "EMS",
            [str(Path(sys.prefix) / "bin" / "honcho"), "start", "--concurrency", f"sender={self._senders}"],
            port=self.web_port,
            health="/readyz",
            environment=os.environ,
            log=self.log,
        )
        self._processes.start()
        self._processes.wait_until_ready(seconds=READY_SECONDS)
        provisioner.subscribe()

    def _await_honcho(self, honcho: Service) -> None:
        """Wait until honcho has noted all of its processes.

        It fails when it is asked to end before (2.0.0: ``KeyError: 'pid'`` in ``Manager._killall``), and what it has
        started by then runs on.
        """
        number = len(Path("Procfile").read_text().splitlines()) + self._senders - 1
        deadline = time.monotonic() + HONCHO_SECONDS
        while honcho.is_running and time.monotonic() < deadline:
            if self.log.read_text().count(" started (pid=") >= number:
                return
            time.sleep(0.05)
